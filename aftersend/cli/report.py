"""``--report FILE``: what came of a command, for whoever started it as a job, in case of failure, too.

Kubernetes shows the first 4,096 bytes of a container's termination log. So the report is the document of ``--json``,
made shorter until it fits: first long lists and texts lose their ends, then shorter ones. A failure is told as
``{"outcome": "failed", "error": …}``. The file is written in place, because the termination log is a mount point.
"""

from pathlib import Path
from typing import Any, Final

from aftersend.cli.exit_codes import print_error

MOST_BYTES: Final = 4095
_LIMITS: Final = (1000, 300, 100, 30, 10)


class Report:
    """The report of one command; without a file it only complains about failures."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def tell(self, document: object) -> None:
        """The command has done its work, well or not; ``document`` is what ``--json`` shows."""
        if self._file is None:
            return
        try:
            self._file.write_bytes(fitting(document))
        except OSError as error:
            print_error(f"no report can be written to {self._file} ({type(error).__name__})")

    def failed(self, error: str) -> None:
        """Nothing came of it; ``error`` also goes to standard error."""
        print_error(error)
        self.tell({"outcome": "failed", "error": error})


def fitting(document: object) -> bytes:
    """The document as JSON of at most ``MOST_BYTES`` bytes."""
    import msgspec

    encoded = msgspec.json.encode(document)
    plain = msgspec.to_builtins(document)
    for limit in _LIMITS:
        if len(encoded) <= MOST_BYTES:
            break
        encoded = msgspec.json.encode(_cut(plain, limit))
    return encoded


def _cut(value: Any, limit: int) -> Any:  # noqa: ANN401 - any JSON
    """The same with shorter texts and lists; names and numbers stay."""
    match value:
        case str() if len(value) > limit:
            return value[: limit - 1] + "…"
        case list() | tuple():
            return [_cut(each, limit) for each in value[:limit]]
        case dict():
            return {name: _cut(each, limit) for name, each in value.items()}
        case _:
            return value
