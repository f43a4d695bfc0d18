"""Generate a structural OpenAPI schema for the API server from msgspec's types.

Written out without references; every text, list and map must have a limit (a missing one is an error here, for the API
server prices its rules by them). Null is allowed where the model says so. A section left out gets all its defaults
at once, spelled out, because the server holds a default to the rules without filling it in first. Keys of maps have no
schema of their own in Kubernetes: their lengths become a rule, and a pattern on them is refused here.
"""

import json
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import inspect as types

from aftersend.crd.meanings import meaning_of, meanings
from aftersend.tenant.fields import FORM, Section
from aftersend.tenant.rules import RULES

Schema = dict[str, Any]


def structure(struct: type[msgspec.Struct]) -> Schema:
    """Return the schema of a section with all sections within."""
    fields = types.type_info(struct).fields  # type: ignore[attr-defined]
    texts = meanings(struct)
    schema: Schema = {"type": "object", "description": meaning_of(struct)}
    required = [field.encode_name for field in fields if field.required]
    if required:
        schema["required"] = required
    is_spec = issubclass(struct, Section)
    schema["properties"] = {
        field.encode_name: _field(field, texts.get(field.name, ""), says_default=is_spec) for field in fields
    }
    rules = [_rule(rule.cel, rule.cure, rule.field) for rule in RULES if rule.section is struct]
    return schema | ({"x-kubernetes-validations": rules} if rules else {})


def _field(field: types.Field, text: str, *, says_default: bool) -> Schema:
    schema = kind(field.type)
    default = _default(field)
    if text:
        schema["description"] = f"{text} {_default_text(field, default)}".rstrip() if says_default else text
    if default not in (None, {}, []):
        schema["default"] = default
    return {"description": schema.pop("description", ""), **schema}


def _default_text(field: types.Field, default: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    """Say the default in words: ``kubectl explain`` shows descriptions only. A section's fields say their own."""
    if field.required or (isinstance(default, dict) and default):
        return ""
    if default is None:
        return "Not set by default."
    return f"Default: {json.dumps(default, ensure_ascii=False)}." if default not in ({}, []) else "Empty by default."


def _default(field: types.Field) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if field.required:
        return None
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return _filled(msgspec.to_builtins(value))


def _filled(value: Any) -> Any:  # noqa: ANN401 - see _default
    """Drop nulls, and sections that are empty then."""
    if not isinstance(value, dict):
        return value
    filled = {key: _filled(item) for key, item in value.items()}
    return {key: item for key, item in filled.items() if item not in (None, {}, [])}


def kind(wanted: types.Type) -> Schema:
    """Return the schema of one type of the model."""
    make = _KINDS.get(type(wanted))
    if make is None:
        raise TypeError(f"no schema for {wanted!r}")
    return make(wanted)


def _union(wanted: types.UnionType) -> Schema:
    """Return the schema of a nullable type, or of text or whole number (``x-kubernetes-int-or-string``)."""
    parts = [part for part in wanted.types if not isinstance(part, types.NoneType)]
    nullable = {"nullable": True} if len(parts) < len(wanted.types) else {}
    if isinstance(parts[0], types.LiteralType):
        return kind(parts[0])  # an enum cannot name null; the server drops a null before it looks
    if len(parts) == 1:
        return kind(parts[0]) | nullable
    schemas = {schema.pop("type"): schema for schema in map(kind, parts)}
    if set(schemas) != {"string", "integer"}:
        raise TypeError(f"no schema for a choice of {', '.join(schemas)}")
    for rule in schemas["string"].get("x-kubernetes-validations", ()):
        rule["rule"] = f"type(self) != string || {rule['rule']}"
    return {"x-kubernetes-int-or-string": True, **schemas["string"], **schemas["integer"], **nullable}


def _text(wanted: types.StrType) -> Schema:
    limits: Schema = {"minLength": wanted.min_length} if wanted.min_length else {}
    limits["maxLength"] = _most(wanted)
    if wanted.pattern:
        limits["pattern"] = wanted.pattern.replace(r"\Z", "$")
    return limits


def _form(wanted: types.Metadata) -> Schema:
    """Return the rule that says in a sentence what a pattern says as a regular expression."""
    form, pattern = (wanted.extra or {}).get(FORM), kind(wanted.type).get("pattern", "")
    return {"x-kubernetes-validations": [_rule(f"self.matches({json.dumps(pattern)})", form)]} if form else {}


def _range(wanted: types.IntType | types.FloatType) -> Schema:
    if wanted.ge is None or wanted.le is None:
        raise TypeError(f"a number without limits: {wanted!r}")
    limits: Schema = {"minimum": wanted.ge, "maximum": wanted.le}
    if wanted.ge != int(
        wanted.ge
    ):  # the server compares a whole number with a limit that it cuts to one: 0 passes 0.001
        limits["x-kubernetes-validations"] = [_rule(f"self >= {wanted.ge}", f"use {wanted.ge} or more")]
    return limits


def _map(wanted: types.DictType) -> Schema:
    key = wanted.key_type
    if not isinstance(key, types.StrType) or key.pattern:
        raise TypeError(f"keys of a map are texts without a pattern: {wanted!r}")
    schema = {
        "type": "object",
        "maxProperties": _most(wanted),
        "additionalProperties": kind(wanted.value_type),
    }
    least, most = key.min_length or 0, _most(key)
    cel = f"self.all(key, size(key) >= {least} && size(key) <= {most})"
    return schema | {"x-kubernetes-validations": [_rule(cel, f"use keys of {least} to {most} characters")]}


def _most(wanted: types.StrType | types.ListType | types.DictType) -> int:
    if wanted.max_length is None:
        raise TypeError(f"a text, list or map without a limit: {wanted!r}")
    return wanted.max_length


def _rule(cel: str, message: str, field: str = "") -> Schema:
    where = {"fieldPath": f".{field}"} if field else {}
    return {"rule": cel, "message": message, **where}


_KINDS: dict[type[types.Type], Callable[[Any], Schema]] = {
    types.Metadata: lambda wanted: kind(wanted.type) | (wanted.extra_json_schema or {}) | _form(wanted),
    types.StructType: lambda wanted: structure(wanted.cls),
    types.UnionType: _union,
    types.LiteralType: lambda wanted: {"type": "string", "enum": list(wanted.values)},
    types.StrType: lambda wanted: {"type": "string", **_text(wanted)},
    types.BoolType: lambda _: {"type": "boolean"},
    types.IntType: lambda wanted: {"type": "integer", **_range(wanted)},
    types.FloatType: lambda wanted: {"type": "number", **_range(wanted)},
    types.ListType: lambda wanted: {"type": "array", "maxItems": _most(wanted), "items": kind(wanted.item_type)},
    types.DictType: _map,
}
