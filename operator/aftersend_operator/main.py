"""The console script ``aftersend-operator``: the operator, or one sentence if its extra is not installed."""

import sys
from importlib.util import find_spec

from aftersend.errors import Misconfigured
from aftersend.service.exit_codes import EXIT_MISCONFIGURED

EXTRA = ("cryptography", "kopf")
"""Packages that only the operator imports, and ``pip install aftersend`` leaves out."""


def main() -> None:
    """Run the operator; without its extra say what is missing and exit with code 2."""
    if missing := [name for name in EXTRA if find_spec(name) is None]:
        error = Misconfigured(f"not installed: {', '.join(missing)}", cure="pip install 'aftersend[operator]'")
        sys.stderr.write(f"aftersend-operator cannot start: {error}\n")
        sys.exit(EXIT_MISCONFIGURED)
    from aftersend_operator.lifecycle import run  # noqa: PLC0415 - imports the extra

    sys.exit(run())
