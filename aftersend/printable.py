"""Texts of others made harmless for terminals, logs and Kubernetes objects.

An upstream's name of a field or a tenant document may hold escape sequences, which a terminal obeys, or characters that
change the order of the text around them. All of them leave as ``\N{REPLACEMENT CHARACTER}``.
"""

import json
import unicodedata


def printable(text: str) -> str:
    """Replace every character that is no visible one, space, tab or line break."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else _replacement(char) for char in text)


def escaped_json(text: str) -> str:
    r"""Return the same JSON document with such characters as ``\uXXXX``."""
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def _replacement(char: str) -> str:
    return " " if unicodedata.category(char) == "Zs" else "\N{REPLACEMENT CHARACTER}"
