"""One order's story, or all that a tenant's pods logged: the lines of every pod in the order of their times: pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

_OWN: Final = ("timestamp", "event", "part", "level", "tenant", "logger", "pod")


def story(logs: Mapping[str, str], order: str | None) -> list[dict[str, Any]]:
    """Return the log lines of all pods by time; only those that name the order, if one is given."""
    found = [line for pod, text in logs.items() for line in _lines(text, pod)]
    return sorted((line for line in found if not order or _names(line, order)), key=lambda line: str(line["timestamp"]))


def as_text(lines: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each line as ``time part event key=value …``."""
    for line in lines:
        more = " ".join(f"{key}={_value(value)}" for key, value in line.items() if key not in _OWN and value != "")
        yield f"{line['timestamp']}  {line.get('part', line['pod']):<9} {line.get('event', '')}  {more}".rstrip()


def _lines(text: str, pod: str) -> Iterator[dict[str, Any]]:
    """Yield what a pod logged as JSON; anything else (Redis' own lines) has no time and is left out."""
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "timestamp" in found:
            yield {**found, "pod": pod}


def _names(line: Mapping[str, Any], order: str) -> bool:
    named = line.get("orders")
    return line.get("order") == order or (isinstance(named, list) and order in named)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
