"""Records of an answer (``Order`` or ``Product``), each parsed on its own.

``RecordSplitter`` cuts the text of an answer where one record ends and the next one starts; lxml then parses record by
record::

    head  <Afterbuy> … <Orders>    <Order>…</Order>  ✂  <Order>…</Order>  ✂  <Order>…    tail  </Orders> … </Afterbuy>
                                   ╰─── parsed alone: what is wrong inside stays inside

So a forbidden character, a stray ``&`` or ``<``, even a closing tag too many spoils the one record that holds it: it is
parsed once more after ``repair``, and if that does not help it is handed over as not ``readable``, with its id where
one is found. What is missing at the end (a truncated answer) is a fault of the answer, not of a record.

Memory depends on one record, not on the answer. Letter case of names does not matter.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from lxml import etree

from aftersend.afterbuy.repair import prefixes, repair
from aftersend.errors import Transient

MAX_HEAD: Final = 1_000_000
"""Characters before the first record."""
MAX_CHARACTERS: Final = 4_000_000
"""Of one record."""
MAX_ELEMENTS: Final = 200_000
"""In one record."""

_OVERLAP: Final = 1024
"""Characters searched again with the next chunk: a boundary may be cut, white space included."""
_NAMESPACE: Final = re.compile(r"""\sxmlns:([\w.-]+)\s*=\s*(?:"[^"<&]*"|'[^'<&]*')""")


@dataclass(slots=True)
class Element:
    """One element of a record: lower-case name, text, children in document order."""

    name: str
    pieces: list[str] = field(default_factory=list)
    children: list["Element"] = field(default_factory=list)
    readable: bool = True
    """False for a record that could not be parsed: of its children only the id is known, if any."""

    def all(self, path: str) -> list["Element"]:
        """Return every element at a path such as ``SoldItems/SoldItem``; letter case does not matter."""
        found = [self]
        for step in _steps(path):
            found = [child for each in found for child in each.children if child.name == step]
        return found

    def text(self, path: str) -> str:
        """Return the first text at that path that is not empty, stripped; else an empty text."""
        for each in self.all(path):
            if text := "".join(each.pieces).strip():
                return text
        return ""


@lru_cache(maxsize=256)
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.lower().split("/"))


class RecordSplitter:
    """Feed it text; it yields the records that are complete, and ``finish`` the rest."""

    def __init__(self, record: str, *, too_large: Transient) -> None:
        """``too_large`` is raised if a record, or what stands before the first one, cannot be what it should be."""
        tag = rf"(?:[\w.-]+:)?{record}"
        end = rf"(?:</{tag}\s*>|<{tag}(?:\s[^<>]*)?/>)"
        self._start = re.compile(rf"<{tag}(?=[\s/>])", re.IGNORECASE)
        self._end = re.compile(end, re.IGNORECASE)
        self._boundary = re.compile(rf"{end}(?:\s|<!--[^<>]*-->)*(?=<{tag}[\s/>])", re.IGNORECASE)
        self._id = re.compile(rf"<{record}ID\s*>\s*(?:<!\[CDATA\[)?\s*([0-9]{{1,30}})\s*(?:\]\]>)?\s*</", re.IGNORECASE)
        self._record = record
        self._too_large = too_large
        self._namespaces: dict[str, str] = {}
        self._buffer = ""
        self._searched = 0
        self.head: str | None = None
        """What stands before the first record, once there is one."""

    def feed(self, text: str) -> Iterator[Element]:
        """Take the next text; yield what is complete by now."""
        self._buffer += text
        if self.head is None:
            self._find_head()
        if self.head is not None:
            yield from self._complete()
        if len(self._buffer) > (MAX_HEAD if self.head is None else MAX_CHARACTERS):
            raise self._too_large

    def finish(self) -> tuple[list[Element], str]:
        """Return the last records, and all text that stands around records."""
        head, rest = self.head or "", self._buffer
        ends = list(self._end.finditer(rest)) if self.head is not None else []
        if not ends:
            return [], head + rest
        return list(self._parsed(rest[: ends[-1].end()])), head + rest[ends[-1].end() :]

    def _find_head(self) -> None:
        start = self._start.search(self._buffer, self._searched)
        self._searched = max(0, len(self._buffer) - _OVERLAP)
        if start:
            self.head, self._buffer = self._buffer[: start.start()], self._buffer[start.start() :]
            self._namespaces = {found[1]: found[0] for found in _NAMESPACE.finditer(self.head)}
            self._searched = 0

    def _complete(self) -> Iterator[Element]:
        begin = 0
        for boundary in self._boundary.finditer(self._buffer, self._searched):
            yield from self._parsed(self._buffer[begin : boundary.end()])
            begin = boundary.end()
        self._buffer = self._buffer[begin:]
        self._searched = max(0, len(self._buffer) - _OVERLAP)

    def _parsed(self, text: str) -> Iterator[Element]:
        root = _parse(text, self._namespaces)
        if root is None:
            repaired = repair(text, record=self._record)
            undeclared = {prefix: f' xmlns:{prefix}="urn:undeclared"' for prefix in prefixes(repaired)}
            root = _parse(repaired, undeclared | self._namespaces)
        if root is None:
            yield self._unreadable(text)
            return
        if sum(1 for _ in root.iter()) > MAX_ELEMENTS:
            raise self._too_large
        for child in root:
            element = _element(child)
            if element.name == self._record.lower():
                yield element

    def _unreadable(self, text: str) -> Element:
        found = self._id.search(text)
        name = self._record.lower()
        children = [Element(f"{name}id", [found[1]])] if found else []
        return Element(name, children=children, readable=False)


def _parse(text: str, namespaces: Mapping[str, str]) -> "etree._Element | None":
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(f"<records{''.join(namespaces.values())}>{text}</records>".encode(), parser)
    except (etree.LxmlError, ValueError):
        return None


def _element(node: "etree._Element") -> Element:
    """Recursion is safe: the parser refuses more than 256 levels."""
    pieces = [node.text or ""]
    children = []
    for child in node:
        children.append(_element(child))
        pieces.append(child.tail or "")
    return Element(str(node.tag).rpartition("}")[2].lower(), pieces, children)
