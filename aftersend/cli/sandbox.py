"""``aftersend sandbox``: the simulated Afterbuy and Sendcloud, a package of its own with options of its own."""

from collections.abc import Sequence
from importlib.metadata import entry_points


def serve(arguments: Sequence[str]) -> int:
    """Run the installed sandbox with its own command line; return the exit code."""
    (entry,) = entry_points(group="aftersend.sandbox")
    code: int = entry.load()(arguments)
    return code
