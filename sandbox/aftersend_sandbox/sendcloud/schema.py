"""A small strict schema for JSON bodies: every error gets a pointer, a code and a text, as in v3 of Sendcloud.

A schema is a tree of checks. A check takes a value and the path to it and yields faults; it never converts. Texts are
those that recordings of the real API hold ("Field required", "Input should be greater than 0", …).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Check = Callable[[Any, str], Iterator["SchemaError"]]


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One reason for a refusal."""

    pointer: str
    code: str
    detail: str


def text(*, least: int = 0, most: int | None = None, pattern: str = "") -> Check:
    """Check for a string of bounded length, perhaps of a pattern."""

    def check(value: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
        if not isinstance(value, str):
            yield SchemaError(path, "invalid", "Input should be a valid string")
        elif len(value) < least:
            yield SchemaError(path, "invalid", f"String should have at least {least} character{'s' * (least > 1)}")
        elif most is not None and len(value) > most:
            yield SchemaError(path, "invalid", f"String should have at most {most} characters")
        elif pattern and not re.fullmatch(pattern, value):
            yield SchemaError(path, "invalid", f"String should match pattern '{pattern}'")

    return check


def choice(*values: str) -> Check:
    """Check for one of several strings."""

    def check(value: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
        if value not in values:
            yield SchemaError(path, "invalid_choice", f"Input should be {', '.join(map(repr, values))}")

    return check


def whole(*, least: int | None = None) -> Check:
    """Check for an integer."""

    def check(value: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
        if isinstance(value, bool) or not isinstance(value, int):
            yield SchemaError(path, "invalid", "Input should be a valid integer")
        elif least is not None and value < least:
            yield SchemaError(path, "invalid", f"Input should be greater than {least - 1}")

    return check


def number(*, above: float | None = None, places: int | None = None, also_text: bool = False) -> Check:
    """Check for a number; ``places`` bounds its decimals."""

    def check(value: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
        if also_text and isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield SchemaError(path, "invalid", "Input should be a valid number")
        elif above is not None and value <= above:
            yield SchemaError(path, "invalid", f"Input should be greater than {above:g}")
        elif places is not None and round(value, places) != value:
            yield SchemaError(path, "invalid", f"Decimal input should have no more than {places} decimal places")

    return check


def flag(value: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
    """Check for true or false."""
    if not isinstance(value, bool):
        yield SchemaError(path, "invalid", "Input should be a valid boolean")


def moment(value: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
    """Check for an ISO 8601 date and time; one without a zone is refused, as its moment is unknown."""
    try:
        aware = isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        aware = False
    if not aware:
        yield SchemaError(path, "invalid", "Input should be a valid datetime")


def anything(value: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401, ARG001 - JSON
    """Accept any value."""
    yield from ()


def mapping(value: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
    """Check for an object of any content."""
    if not isinstance(value, dict):
        yield SchemaError(path, "invalid", "Input should be a valid dictionary")


def listing(of: Check, *, least: int = 0) -> Check:
    """Check for an array."""

    def check(value: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
        if not isinstance(value, list):
            yield SchemaError(path, "not_a_list", "Input should be a valid list")
            return
        if len(value) < least:
            yield SchemaError(
                path, "invalid", f"List should have at least {least} item after validation, not {len(value)}"
            )
        for index, each in enumerate(value):
            yield from of(each, f"{path}/{index}")

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Check for an object with known fields; unknown ones are refused. ``null`` stands for an absent optional field."""
    known = {**required, **(optional or {})}

    def check(value: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
        if not isinstance(value, dict):
            yield SchemaError(path, "invalid", "Input should be a valid dictionary or object to extract fields from")
            return
        for name in required:
            if name not in value:
                yield SchemaError(f"{path}/{name}", "required", "Field required")
        for name, each in value.items():
            if name not in known:
                yield SchemaError(f"{path}/{name}", "unknown_field", "Extra inputs are not permitted")
            elif each is not None or name in required:
                yield from known[name](each, f"{path}/{name}")

    return check


def with_rule(check: Check, rule: Check) -> Check:
    """Add a rule on the whole value to a check; it applies only if the check found nothing."""

    def both(value: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
        faults = list(check(value, path))
        yield from faults or rule(value, path)

    return both
