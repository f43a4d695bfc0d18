"""Backups: encrypted copies of what a tenant keeps in Redis, and the way back."""
