"""Log events that runbooks and guides quote: people search for them, so they keep their names."""

import ast
import re
from collections.abc import Iterator

from tests.contracts.product import ROOT, sources
from tests.support.snapshots import Compare, lines

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
PAGES = [file for folder in ("runbooks", "guides") for file in (ROOT / "docs" / folder).glob("*.md")]
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"[a-z]+(?:_[a-z]+)+")


def texts_of(call: ast.Call) -> Iterator[str]:
    return (each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str))


def is_logging(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS


def emitted() -> set[str]:
    """First arguments of logging calls, also of those that reach one through a function of ours."""
    relays = {
        function.name
        for module in sources()
        for function in ast.walk(module)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if is_logging(call) and isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Name)
    }
    found: set[str] = set()
    for call in (node for module in sources() for node in ast.walk(module) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if is_logging(call) or name in relays:
            found.update(texts_of(call))
    return found


def quoted() -> set[str]:
    """Words with an underscore in code on the pages."""
    found: set[str] = set()
    for page in PAGES:
        text = page.read_text()
        code = [*_FENCED.findall(text), *re.findall(r"`([^`\n]+)`", _FENCED.sub("", text))]
        found |= {word for part in code for word in _WORD.findall(part)}
    return found


def test_events_that_pages_quote_are_emitted(contract: Compare) -> None:
    contract("log_events.txt", lines(emitted() & quoted()))
