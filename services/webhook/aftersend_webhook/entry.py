"""The console script ``aftersend-webhook``: it handles SIGTERM before it imports the service."""

from aftersend.compat.optional_imports import left_out
from aftersend.service.cycles import collect_rarely
from aftersend.service.early_signals import exit_on_sigterm


def main() -> None:
    """Import and run the service."""
    exit_on_sigterm()
    collect_rarely()
    with left_out():
        from aftersend_webhook.main import main as run  # noqa: PLC0415 - takes a second

    run()
