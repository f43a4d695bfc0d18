"""Findings of ``check`` and ``setup``: what was looked at, whether it is right, what to do if not."""

from collections.abc import Iterable

import msgspec

from aftersend.cli.output import show_text
from aftersend.errors import AftersendError, CredentialsRefused, Misconfigured

MARKS = {True: "ok  ", False: "FAIL", None: "?   "}


class Finding(msgspec.Struct, frozen=True):
    """One line of ``check``; ``ok`` is null where it cannot be known from here."""

    check: str
    ok: bool | None
    message: str
    cure: str = ""


def show_findings(findings: Iterable[Finding]) -> None:
    """Print a line per finding, and the cure of what is not right."""
    for finding in findings:
        show_text(f"{MARKS[finding.ok]}  {finding.check:<13} {finding.message}")
        if finding.cure and not finding.ok:
            show_text(f"{'':<20}{finding.cure}")


def failed_call(check: str, keys: str, error: AftersendError) -> Finding:
    """Explain a call that failed; ``keys`` are the secrets to renew if they are refused."""
    if isinstance(error, CredentialsRefused):
        cure = error.cure or f"renew {keys} in the secrets"
        return Finding(check, ok=False, message="credentials refused", cure=cure)
    if isinstance(error, Misconfigured):
        return Finding(check, ok=False, message=error.code, cure=error.cure)
    cure = "try again; if it stays, look at the address in the document, at proxies and firewalls"
    return Finding(check, ok=False, message=f"no usable answer ({error})", cure=cure)
