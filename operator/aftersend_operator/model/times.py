"""Times as Kubernetes writes them."""

from datetime import datetime


def unix_time(time: object) -> float:
    """Parse an RFC 3339 time into a Unix time; 0 for anything else."""
    try:
        return datetime.fromisoformat(str(time)).timestamp()
    except ValueError:
        return 0.0
