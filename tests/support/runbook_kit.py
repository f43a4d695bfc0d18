"""The commands and queries of the on-call guide and all runbooks, as a person would copy them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.support.rule_kit import ROOT, RUNBOOKS

GUIDE = ROOT / "docs/guides/on-call.md"
NAMESPACE, TENANT, RELEASE = "tenant-mueller", "mueller", "aftersend"
_FENCE = re.compile(r"^```(sh|promql)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:kubectl|aftersend)\s[^`]+)`")
_INLINE_QUERY = re.compile(r"`([^`]*\baftersend_[a-z_]+\{[^`]*)`")
_SET = re.compile(r"^[A-Z]=\S+( [A-Z]=\S+)*$")


def pages() -> list[Path]:
    """Every runbook but the index."""
    return sorted(path for path in RUNBOOKS.glob("*.md") if path.stem != "README")


def queries() -> Iterator[tuple[str, str]]:
    """Page and query: a line each of the blocks, and what stands in a table."""
    for path in (GUIDE, *pages()):
        text = path.read_text()
        blocks = [block for kind, block in _FENCE.findall(text) if kind == "promql"]
        for query in [*"".join(blocks).splitlines(), *_INLINE_QUERY.findall(_FENCE.sub("", text))]:
            yield path.stem, query


def commands(namespace: str = NAMESPACE, release: str = RELEASE) -> list[list[str]]:
    """Every command once, its words with the variables filled in."""
    values = {"$N": namespace, "$T": TENANT, "$O": release}
    found: dict[tuple[str, ...], None] = {}
    for path in (GUIDE, *pages()):
        for line in _lines(path.read_text()):
            for name, value in values.items():
                line = line.replace(name, value)  # noqa: PLW2901 - one variable after the other
            words = shlex.split(line, comments=True)
            if words and not _SET.match(" ".join(words)):
                found[tuple(words)] = None
    return [list(words) for words in found]


def inside(words: list[str]) -> tuple[str, list[str]] | None:
    """What a ``kubectl exec`` runs: its target (a Deployment or a Service) and the command; None for all else."""
    if "exec" not in words:
        return None
    (target,) = (word for word in words if word.startswith(("deploy/", "svc/")))
    return target, words[words.index("--") + 1 :]


def _lines(text: str) -> Iterator[str]:
    for kind, block in _FENCE.findall(text):
        if kind == "sh":
            yield from block.splitlines()
    for command in _INLINE.findall(_FENCE.sub("", text)):
        yield " ".join(command.split())
