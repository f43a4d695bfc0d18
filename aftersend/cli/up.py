"""``aftersend up``: everything for real accounts in one process, with an embedded Valkey unless a Redis is given."""

from pathlib import Path

from aftersend.cli import supervisor
from aftersend.cli.up_plan import UpPlan


def serve(files: list[Path], data_dir: Path, secrets_dir: Path | None, redis_url: str, backup_target: str) -> int:
    """Serve the tenants of these documents until a signal comes; return the exit code."""
    return supervisor.serve(
        UpPlan(
            files=tuple(files),
            data_dir=data_dir.absolute(),
            secrets_dir=(secrets_dir or files[0].parent / "secrets").absolute(),
            redis_url=redis_url,
            backup_target=backup_target,
        )
    )
