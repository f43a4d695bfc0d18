"""Talking to the Kubernetes API: who we are, one thin client, typed errors."""
