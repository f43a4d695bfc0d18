"""Descriptions of fields: the docstring below each, read from the source because Python drops it at run time."""

import ast
import inspect
import itertools

import msgspec


def meanings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the docstrings by name of field, on one line; a field without one is left out."""
    body = ast.parse(inspect.getsource(struct)).body[0].body  # type: ignore[attr-defined]
    found = {}
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[field.target.id] = " ".join(str(text.value.value).split())  # type: ignore[union-attr]
    return found


def meaning_of(struct: type[msgspec.Struct]) -> str:
    """Return the docstring of the section as a whole."""
    return " ".join((struct.__doc__ or "").split())
