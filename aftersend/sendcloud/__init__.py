"""Sendcloud's API: wire format, client, errors, limits."""
