"""Kubernetes' quantities of memory and processor time, as numbers that can be compared."""

import re
from decimal import Decimal
from typing import Final

_UNITS: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9}
_QUANTITY: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(?:(Ki|[MGTPE]i?|k|m)|[eE]([+-]?[0-9]{1,2}))?")
_SUFFIXES: Final = ("", "k", "M", "G", "T", "P", "E")


def memory_bytes(quantity: str) -> int:
    """Parse a memory quantity such as 128Mi into bytes."""
    number = quantity.rstrip("KMGik")
    return int(number) * _UNITS[quantity.removeprefix(number)]


def millicores(quantity: str) -> float:
    """Parse a CPU quantity such as 250m or 0.5 into thousandths of a core."""
    return float(quantity[:-1]) if quantity.endswith("m") else float(quantity) * 1000


def storage_bytes(quantity: str) -> Decimal:
    """Parse any quantity that an API server shows, such as 1.5Gi, 10G or 1e9; 0 for anything else."""
    found = _QUANTITY.fullmatch(quantity)
    if found is None:
        return Decimal(0)
    number, suffix, exponent = Decimal(found[1]), found[2] or "", int(found[3] or 0)
    if suffix == "m":
        return number / 1000
    power = _SUFFIXES.index(suffix.removesuffix("i").replace("K", "k"))
    return (number * Decimal(1024 if suffix.endswith("i") else 1000) ** power).scaleb(exponent)
