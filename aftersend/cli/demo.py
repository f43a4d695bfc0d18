"""``aftersend demo``: one merchant's day, simulated and judged; a package of its own behind an entry point."""

from importlib.metadata import entry_points


def run_demo(*, orders: int, seed: int, keep: bool, as_json: bool) -> int:
    """Run the installed demo; return the exit code."""
    (entry,) = entry_points(group="aftersend.demo")
    code: int = entry.load()(orders=orders, seed=seed, keep=keep, as_json=as_json)
    return code
