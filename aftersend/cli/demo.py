"""``aftersend demo``."""


def demo() -> None:
    """A day in a minute."""
    raise SystemExit(2)
