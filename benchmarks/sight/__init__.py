"""What the measurements share: memory of processes, waiting for them, and figures beside their bounds."""
