"""``aftersend check``: everything a person can get wrong, one line each, with what to do about it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from aftersend.cli.exit_codes import FAILED, OK, run
from aftersend.cli.options import AsJson, DataDir, SecretsDir
from aftersend.cli.output import show_json, show_text

_MARKS = {True: "ok  ", False: "FAIL", None: "?   "}


def check(
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            "-f",
            "--file",
            help="Tenant document; default: the AFTERSEND_* variables of the environment.",
            metavar="FILE",
        ),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir,
    secrets_dir: SecretsDir = None,
) -> None:
    """Check accounts, integration, webhook, clock, tag, Redis and keys; exit 0 if nothing is wrong."""
    run(_check(file, data_dir, secrets_dir, as_json=as_json))


async def _check(file: Path | None, data_dir: Path, secrets_dir: Path | None, *, as_json: bool) -> int:
    from aftersend.cli.checks import run_checks
    from aftersend.cli.tenant_context import locate_for_check

    allow_http = os.environ.get("AFTERSEND_ALLOW_HTTP", "") == "1"
    findings = await run_checks(locate_for_check(file, data_dir, secrets_dir), allow_http=allow_http)
    if as_json:
        show_json(findings)
    else:
        for finding in findings:
            show_text(f"{_MARKS[finding.ok]}  {finding.check:<13} {finding.message}")
            if finding.cure and not finding.ok:
                show_text(f"{'':<20}{finding.cure}")
    return FAILED if any(finding.ok is False for finding in findings) else OK
