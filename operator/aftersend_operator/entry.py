"""The console script ``aftersend-operator``: it handles SIGTERM before it imports the operator."""

from aftersend.compat.optional_imports import left_out
from aftersend.service.early_signals import exit_on_sigterm


def main() -> None:
    """Import and run the operator."""
    exit_on_sigterm()
    with left_out():
        from aftersend_operator.main import main as run  # noqa: PLC0415 - takes a second

    run()
