"""Confirmation of what cannot be undone: asked at a terminal, given by ``--yes`` in a script."""

import sys

import typer

from aftersend.errors import Misconfigured


def confirmed(question: str, *, yes: bool) -> bool:
    """Return whether the user agrees; raise ``Misconfigured`` without a terminal to ask at."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Misconfigured("there is no terminal to ask at", cure="give --yes")
    return typer.confirm(question, err=True)
