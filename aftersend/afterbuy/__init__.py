"""Afterbuy's XML interface: wire format, client, errors, limits."""
