"""What every service shares: start, probes, the admin address, the public address, a graceful end."""
