"""Asking a person before something that cannot be taken back; a script must say ``--yes``."""

import sys

import typer

from aftersend.errors import Misconfigured


def confirmed(question: str, *, yes: bool) -> bool:
    """True if it shall be done; ``Misconfigured`` if there is nobody to ask."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Misconfigured("nobody is there to be asked", cure="give --yes")
    return typer.confirm(question, err=True)
