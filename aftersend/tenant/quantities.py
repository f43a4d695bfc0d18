"""Kubernetes' quantities of memory and processor time, as numbers that can be compared."""

from typing import Final

_UNITS: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9}


def memory_bytes(quantity: str) -> int:
    """Parse a memory quantity such as 128Mi into bytes."""
    number = quantity.rstrip("KMGik")
    return int(number) * _UNITS[quantity.removeprefix(number)]


def millicores(quantity: str) -> float:
    """Parse a CPU quantity such as 250m or 0.5 into thousandths of a core."""
    return float(quantity[:-1]) if quantity.endswith("m") else float(quantity) * 1000
