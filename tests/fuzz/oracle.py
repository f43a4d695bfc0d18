"""What every input must keep: only typed errors, and nothing of the input in a message or a log line.

A word of a message (four characters or more) leaks if it stands in the input and nowhere in our own source: names of
fields and the texts of our errors are ours, everything else came with the input.
"""

import io
import re
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from aftersend.errors import AftersendError
from aftersend.observe.logs import configure, describe
from aftersend.tenant.document import Tenant
from aftersend.tenant.field_names import field_names

ROOT = Path(__file__).resolve().parents[2]
IDS = frozenset({"timestamp", "trace", "event_id", "parcel", "order", "status"})
"""Fields of log lines that hold times, ids and Sendcloud's numbers of a status, which may be logged."""
_WORD = re.compile(r"[^\W_]{4,}")
_ASKED = re.compile(r"unknown field `(.*)`, is \w+ meant\?", re.DOTALL)
_REPEATED = re.compile(r"data[ -]key[ /][0-9-]+|for the tenant [a-z0-9.-]+|has version -?[0-9]+")
"""Names and numbers that lead to the cure: the data key to put back, the tenant that a text is for, its version."""
_FIELDS = field_names(Tenant)


class FoundError(AssertionError):
    """The input breaks a rule; the text says which, and the input is kept by the engine."""


class Said:
    """What the product says of one input."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Return what a function returns, None if it refuses by one of our errors, whose words are kept."""
        try:
            return function(*arguments, **named)
        except AftersendError as error:
            self.texts += [str(error), repr(error), describe(error)]
            return None


def check(run: Callable[[bytes, Said], None], data: bytes) -> None:
    """Run a target once; ``FoundError`` or a foreign exception if a rule is broken."""
    said, log = Said(), io.StringIO()
    configure_log()
    with redirect_stderr(log):
        run(data, said)
    if leaks := leaked([*said.texts, *_lines(log.getvalue())], data):
        raise FoundError(f"the input is quoted: {leaks}")


def leaked(texts: Iterable[str], data: bytes) -> list[str]:
    """Return the words of the texts that came with the input."""
    there = data.decode("utf-8", "replace")
    found = {word for text in texts for word in _WORD.findall(_without_suggestion(text))}
    return sorted(word for word in found if word in there and word not in _ours())


def _without_suggestion(text: str) -> str:
    """Leave out what may be repeated, among it a field's name that resembles one of ours."""
    text = _REPEATED.sub("", text)
    asked = _ASKED.search(text)
    return text.replace(asked[1], "") if asked and get_close_matches(asked[1], _FIELDS, cutoff=0.75) else text


def _lines(log: str) -> list[str]:
    lines = [msgspec.json.decode(line) for line in log.splitlines()]
    return [str({key: value for key, value in line.items() if key not in IDS}) for line in lines]


@cache
def configure_log() -> None:
    """Log as a service does, to what is standard error at that moment."""
    configure("json", "debug")


@cache
def _ours() -> frozenset[str]:
    folders = ("aftersend", "services", "operator")
    files = [Path(__file__).with_name("targets.py"), *(f for each in folders for f in (ROOT / each).rglob("*.py"))]
    return frozenset(word for file in files for word in _WORD.findall(file.read_text())) | _FIELDS
