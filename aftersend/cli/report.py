"""``--report FILE``: the result of a command that runs as a job, after a failure as well.

Kubernetes shows the first 4,096 bytes of a container's termination log. So the report is the document of ``--json``,
made shorter until it fits: first long lists and texts lose their ends, then shorter ones. A failure is written as
``{"outcome": "failed", "error": …}``. The file is written in place, because the termination log is a mount point.
"""

from pathlib import Path
from typing import Any, Final

import msgspec

from aftersend.cli.exit_codes import print_error

MAX_BYTES: Final = 4095
_LIMITS: Final = (1000, 300, 100, 30, 10)


class Report:
    """The report of one command; without a file, only failures are printed."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def write(self, document: object) -> None:
        """Write what ``--json`` shows to the file, if there is one."""
        if self._file is None:
            return
        try:
            self._file.write_bytes(fitting(document))
        except OSError as error:
            print_error(f"no report can be written to {self._file} ({type(error).__name__})")

    def write_failure(self, error: str) -> None:
        """Print an error and write it to the file."""
        print_error(error)
        self.write({"outcome": "failed", "error": error})


def fitting(document: object) -> bytes:
    """Encode the document as JSON of at most ``MAX_BYTES`` bytes."""
    encoded = msgspec.json.encode(document)
    plain = msgspec.to_builtins(document)
    for limit in _LIMITS:
        if len(encoded) <= MAX_BYTES:
            break
        encoded = msgspec.json.encode(_cut(plain, limit))
    return encoded


def _cut(value: Any, limit: int) -> Any:  # noqa: ANN401 - any JSON
    """Cut texts and lists to ``limit``; names and numbers stay."""
    match value:
        case str() if len(value) > limit:
            return value[: limit - 1] + "…"
        case list() | tuple():
            return [_cut(each, limit) for each in value[:limit]]
        case dict():
            return {name: _cut(each, limit) for name, each in value.items()}
        case _:
            return value
