"""``aftersend check``: everything that can be configured wrongly, one line each, with its cure."""

from pathlib import Path

from aftersend.cli.checks import run_checks
from aftersend.cli.exit_codes import FAILED, OK
from aftersend.cli.findings import show_findings
from aftersend.cli.output import show_json
from aftersend.cli.tenant_context import locate_for_check
from aftersend.settings import read_admin_address, read_upstream_limits


async def check(file: Path | None, data_dir: Path, secrets_dir: Path | None, *, as_json: bool) -> int:
    """Run all checks and print their findings; ``FAILED`` if one of them is false."""
    allow_http, hosts = read_upstream_limits()
    location, admin = locate_for_check(file, data_dir, secrets_dir), read_admin_address()
    findings = await run_checks(location, allow_http=allow_http, hosts=hosts, admin=admin)
    if as_json:
        show_json(findings)
    else:
        show_findings(findings)
    return FAILED if any(finding.ok is False for finding in findings) else OK
