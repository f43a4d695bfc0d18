"""What each field means, read from the text below it: Python itself forgets these docstrings, the source does not."""

import ast
import inspect
import itertools

import msgspec


def meanings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Text by name of field, on one line; a field without text is left out."""
    body = ast.parse(inspect.getsource(struct)).body[0].body  # type: ignore[attr-defined]
    found = {}
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[field.target.id] = " ".join(str(text.value.value).split())  # type: ignore[union-attr]
    return found


def meaning_of(struct: type[msgspec.Struct]) -> str:
    """What the section as a whole means."""
    return " ".join((struct.__doc__ or "").split())
