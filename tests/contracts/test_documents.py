"""Documents at rest: names, types, words and defaults of their fields. ``?`` marks what may be absent."""

from typing import Any

from msgspec import NODEFAULT
from msgspec import inspect as types

from tests.contracts.product import DOCUMENTS
from tests.support.snapshots import Compare, as_yaml


def described(kind: Any) -> Any:  # noqa: PLR0911 - a case per kind of type
    """A type as plain lists, maps and words; structs without their names."""
    match kind:
        case types.StructType(array_like=True):
            return [{field.encode_name: typed(field)} for field in kind.fields]
        case types.StructType():
            tag = {kind.tag_field: kind.tag} if kind.tag_field else {}
            return tag | {field.encode_name + "?" * (not field.required): typed(field) for field in kind.fields}
        case types.DictType():
            return {f"<{described(kind.key_type)}>": described(kind.value_type)}
        case types.ListType() | types.SetType() | types.FrozenSetType() | types.VarTupleType():
            return [described(kind.item_type)]
        case types.UnionType():
            parts = [described(part) for part in kind.types]
            return " or ".join(sorted(parts)) if all(isinstance(part, str) for part in parts) else {"one of": parts}
        case types.LiteralType():
            return "|".join(map(str, kind.values))
        case types.EnumType():
            return "|".join(str(member.value) for member in kind.cls)
        case _:
            return type(kind).__name__.removesuffix("Type").lower()


def typed(field: types.Field) -> Any:
    shape = described(field.type)
    plain = isinstance(shape, str) and field.default not in (NODEFAULT, None, "")
    return f"{shape} = {getattr(field.default, 'value', field.default)}" if plain else shape


def test_fields(contract: Compare) -> None:
    contract("documents.yaml", as_yaml({name: described(types.type_info(kind)) for name, kind in DOCUMENTS.items()}))
