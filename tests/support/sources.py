"""The sources as trees: which files are product code, and which names they define."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOTS = ("", "operator", "services/exporter", "services/webhook", "services/writer", "sandbox", "demo")
"""Where packages of the product begin."""


def _python(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


PRODUCT = _python("aftersend", "services", "operator", "sandbox", "demo")
TOOLS = _python("tools", "tests/support")


@cache
def tree(file: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(file.read_bytes())


def docstring(file: Path) -> str:
    """The docstring of the module, empty if it has none."""
    return ast.get_docstring(tree(file)) or ""


@cache
def defined_names(file: Path) -> tuple[tuple[str, int], ...]:
    """Each class, function and variable that the file defines, with its line; parameters and imports left out."""
    return tuple(_definitions(tree(file)))


def _definitions(module: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def member_exists(dotted: str) -> bool:
    """True if it is a module of the product, or a class, function or method (``module.Class.method``) of one."""
    words = dotted.split(".")
    for end in range(len(words), 0, -1):
        file = _file(words[:end])
        if file is not None:
            return _within(tree(file).body, words[end:])
    return False


def _file(words: list[str]) -> Path | None:
    for root in ROOTS:
        path = ROOT / root / "/".join(words)
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None


def _within(body: list[ast.stmt], words: list[str]) -> bool:
    if not words:
        return True
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in body if isinstance(node, kinds) and node.name == words[0]]
    return any(_within(node.body, words[1:]) for node in found)
