"""The chart's ``values.yaml`` and ``values.schema.json``, and the table of its README, from the model of its values."""

import json
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from chart_values import OwnRule, PullSecret, Values

from aftersend.crd.meanings import meaning_of, meanings


def values_yaml() -> str:
    """``values.yaml``: every default under its meaning."""
    return "# Made from docs/chart_values.py: make docs\n" + "\n".join(_commented(Values()))


def _commented(part: msgspec.Struct, indent: str = "") -> Iterator[str]:
    texts = _texts(type(part))
    for about in msgspec.structs.fields(part):
        value = getattr(part, about.name)
        text = texts.get(about.name) or meaning_of(type(value))
        if not indent:
            yield ""
        yield f"{indent}# {text}"
        if isinstance(value, msgspec.Struct):
            yield f"{indent}{about.encode_name}:"
            yield from _commented(value, indent + "  ")
        else:
            yield f"{indent}{about.encode_name}: {json.dumps(msgspec.to_builtins(value), ensure_ascii=False)}"
    if not indent:
        yield ""


def _texts(part: type[msgspec.Struct]) -> dict[str, str]:
    """Return what each value means, and the words that it may be where only some are allowed."""
    hints = get_type_hints(part)
    return {name: text + _choices(hints[name]) for name, text in meanings(part).items()}


def _choices(hint: Any) -> str:  # noqa: ANN401 - annotations have no common base
    return f" One of {', '.join(get_args(hint))}." if get_origin(hint) is Literal else ""


def values_schema() -> str:
    """``values.schema.json``, without references, for every version of Helm."""
    schema = _schema(Values)
    schema["properties"] |= {
        "global": {"description": "A parent chart's; without effect.", "type": "object"},
        "enabled": {"description": "A parent chart's condition; without effect.", "type": "boolean"},
    }
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of the chart aftersend"}
    return json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"


def _schema(part: type[msgspec.Struct]) -> dict[str, Any]:
    texts, hints = meanings(part), get_type_hints(part, include_extras=True)
    properties = {}
    for about in msgspec.structs.fields(part):
        hint = hints[about.name]
        inner = isinstance(hint, type) and issubclass(hint, msgspec.Struct)
        text = {"description": texts[about.name]} if about.name in texts else {}
        properties[about.encode_name] = (_schema(hint) if inner else _leaf(hint)) | text
    required = [about.encode_name for about in msgspec.structs.fields(part) if about.required]
    return {
        "description": meaning_of(part),
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **({"required": required} if required else {}),
    }


def _leaf(hint: Any) -> dict[str, Any]:  # noqa: ANN401 - annotations have no common base
    if hint == list[PullSecret]:
        return {"type": "array", "items": _schema(PullSecret)}
    if hint == dict[str, OwnRule]:
        return {"type": "object", "additionalProperties": _schema(OwnRule)}
    return msgspec.json.schema(hint)


def values_table() -> str:
    """Every value with its default and meaning."""
    rows = ["| value | default | meaning |", "|---|---|---|"]
    rows += [f"| `{path}` | `{default}` | {text} |" for path, default, text in _rows(Values())]
    return "\n".join(rows) + "\n"


def _rows(part: msgspec.Struct, path: str = "") -> Iterator[tuple[str, str, str]]:
    texts = _texts(type(part))
    for about in msgspec.structs.fields(part):
        value, here = getattr(part, about.name), f"{path}{about.encode_name}"
        if isinstance(value, msgspec.Struct):
            yield from _rows(value, f"{here}.")
        else:
            yield here, json.dumps(msgspec.to_builtins(value)), texts[about.name]
