"""The language of product code and docs: processes report, return and send; each exception has its reason."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.sources import ROOT

AVOIDED = re.compile(r"\b(told|tells?|nobody|whoever|somebody|shall|knocks?|weather)\b", re.IGNORECASE)
WORDS = {"`Told`, `Telling`": "former names that the glossary keeps out of the code"}
"""Part of a line in which such a word stays, and why."""
TEXTS = {
    "aftersend": (".py", ".lua"),
    "services": (".py",),
    "operator": (".py",),
    "sandbox": (".py", ".js", ".html", ".css"),
    "demo": (".py",),
    "monitoring": (".py",),
    "charts": (".py", ".yaml", ".tpl", ".json", ".md", ".txt", ".tmpl"),
    "docs": (".py", ".md"),
}
GERMAN = {"docs/guides/haendler.md", "charts/aftersend/files/alertmanager/de.tmpl"}


def texts() -> Iterator[Path]:
    yield from sorted(ROOT.glob("*.md"))
    for folder, endings in TEXTS.items():
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in endings and str(file.relative_to(ROOT)) not in GERMAN:
                yield file


def avoided() -> dict[str, str]:
    """Each line with an avoided word, by its place."""
    return {
        f"{file.relative_to(ROOT)}:{number}": line.strip()
        for file in texts()
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if AVOIDED.search(line)
    }


def test_each_avoided_word_has_a_reason() -> None:
    assert {place: line for place, line in avoided().items() if not any(part in line for part in WORDS)} == {}


def test_there_are_few_of_them() -> None:
    lines = avoided().values()
    assert sum(len(AVOIDED.findall(line)) for line in lines) < 20
    assert all(any(part in line for line in lines) for part in WORDS), "a reason for a line that is gone"
