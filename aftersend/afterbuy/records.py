"""Records of an answer (``Order`` or ``Product``), each parsed on its own.

``RecordSplitter`` cuts the text of an answer where one record ends and the next one starts. What is complete of a chunk
is parsed in one go; if anything in it is odd, it is cut further, and lxml parses record by record::

    head  <Afterbuy> … <Orders>    <Order>…</Order>  ✂  <Order>…</Order>  ✂  <Order>…    tail  </Orders> … </Afterbuy>
                                   ╰─── parsed alone: what is wrong inside stays inside

So a forbidden character, a stray ``&`` or ``<``, even a closing tag too many spoils the one record that holds it: it is
parsed once more after ``repair``, and if that does not help it is handed over as not ``readable``, with its id where
one is found. What is missing at the end (a truncated answer) is a fault of the answer, not of a record.

Memory depends on one chunk and one record, not on the answer. Letter case of names does not matter.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

_MAX_NAMES: Final = 1024
_TRIES: Final = 2
"""Ends of records to look at: mostly the one before the last is followed by another record."""
_OVERLAP: Final = 1024
"""Characters searched again with the next chunk: a boundary may be cut, white space included."""
_NAMESPACE: Final = re.compile(r"""\sxmlns:([\w.-]+)\s*=\s*(?:"[^"<&]*"|'[^'<&]*')""")


class RecordSection:
    """Children of all elements at one path (mostly of one) by lower-case name, in document order."""

    __slots__ = ("_first", "_others")

    def __init__(self, nodes: Iterable["etree._Element"]) -> None:
        first: dict[str, etree._Element] = {}
        others: dict[str, list[etree._Element]] = {}
        for node in nodes:
            for child in node:
                name = _NAMES[child.tag]
                if name in first:
                    others.setdefault(name, []).append(child)
                else:
                    first[name] = child
        self._first = first
        self._others = others

    def elements(self, name: str) -> Sequence["etree._Element"]:
        """Return the children of that name."""
        node = self._first.get(name)
        return () if node is None else (node, *self._others.get(name, ()))

    def text(self, name: str) -> str:
        """Return the first text of that name that is not empty, stripped; else an empty text."""
        node = self._first.get(name)
        if node is None:
            return ""
        if name in self._others or len(node):
            return next(_texts(self.elements(name)), "")
        return (node.text or "").strip()


class Element:
    """One element of a record; letter case of names does not matter.

    Each section of it is looked through once, when first asked for: then a field costs one look-up.
    """

    __slots__ = ("_node", "_sections", "readable")

    def __init__(self, node: "etree._Element", *, readable: bool = True) -> None:
        """``readable`` is false for a record that could not be parsed: of its children only the id is known, if any."""
        self._node = node
        self._sections: dict[str, RecordSection] = {}
        self.readable = readable

    def all(self, path: str) -> list["Element"]:
        """Return every element at a path such as ``SoldItems/SoldItem``."""
        return [Element(node) for node in self._at(path)]

    def text(self, path: str) -> str:
        """Return the first text at that path that is not empty, stripped; else an empty text."""
        above, name = _split(path)
        return (self._sections.get(above) or self.section(above)).text(name)

    def texts(self, path: str) -> list[str]:
        """Return every text at that path that is not empty, stripped."""
        return list(_texts(self._at(path)))

    def has(self, path: str) -> bool:
        """Return whether there is an element at that path."""
        return bool(self._at(path))

    def _at(self, path: str) -> Sequence["etree._Element"]:
        above, name = _split(path)
        return (self._sections.get(above) or self.section(above)).elements(name)

    def section(self, path: str) -> RecordSection:
        """Return what stands at a path in lower case, the element itself at the empty one."""
        if (found := self._sections.get(path)) is None:
            found = self._sections[path] = RecordSection(self._at(path) if path else (self._node,))
        return found


def _texts(nodes: Iterable["etree._Element"]) -> Iterator[str]:
    """Yield the texts of elements that are not empty, stripped, each without those of its children."""
    for node in nodes:
        if text := "".join((node.text or "", *(child.tail or "" for child in node))).strip():
            yield text


@lru_cache(maxsize=256)
def _split(path: str) -> tuple[str, str]:
    """Split ``A/B/C`` into the path above and the name, in lower case."""
    above, _, name = path.lower().rpartition("/")
    return above, name


class _Names(dict[str, str]):
    """The name of an element, by tag, as it is compared: without namespace, in lower case."""

    def __missing__(self, tag: str) -> str:
        if len(self) >= _MAX_NAMES:
            self.clear()
        name = self[tag] = tag.rpartition("}")[2].lower()
        return name


_NAMES: Final = _Names()


class RecordSplitter:
    """Feed it text; it yields the records that are complete, and ``finish`` the rest."""

    def __init__(self, record: str, *, too_large: Transient) -> None:
        """``too_large`` is raised if a record, or what stands before the first one, cannot be what it should be."""
        tag = rf"(?:[\w.-]+:)?{record}"
        end = rf"(?:</{tag}\s*>|<{tag}(?:\s[^<>]*)?/>)"
        self._start = re.compile(rf"<({tag})(?=[\s/>])", re.IGNORECASE)
        self._end = re.compile(end, re.IGNORECASE)
        self._boundary = re.compile(rf"{end}(?:\s|<!--[^<>]*-->)*(?=<{tag}[\s/>])", re.IGNORECASE)
        self._id = re.compile(rf"<{record}ID\s*>\s*(?:<!\[CDATA\[)?\s*([0-9]{{1,30}})\s*(?:\]\]>)?\s*</", re.IGNORECASE)
        self._record = record
        self._too_large = too_large
        self._namespaces: dict[str, str] = {}
        self._buffer = ""
        self._searched = 0
        self._usual_end = ""
        """The end tag, spelled like the start tag of the first record."""
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
        end = 0 if self.head is None else self._last_end(rest)
        return list(self._together(rest[:end])) if end else [], head + rest[end:]

    def _find_head(self) -> None:
        start = self._start.search(self._buffer, self._searched)
        self._searched = max(0, len(self._buffer) - _OVERLAP)
        if start:
            self.head, self._buffer = self._buffer[: start.start()], self._buffer[start.start() :]
            self._namespaces = {found[1]: found[0] for found in _NAMESPACE.finditer(self.head)}
            self._usual_end = f"</{start[1]}>"
            self._searched = 0

    def _complete(self) -> Iterator[Element]:
        end = self._last_boundary()
        ready, self._buffer = self._buffer[:end], self._buffer[end:]
        self._searched = 0 if end else max(0, len(self._buffer) - _OVERLAP)
        if ready:
            yield from self._together(ready)

    def _last_boundary(self) -> int:
        """Return where the last record ends that another one follows, 0 if there is none."""
        place = len(self._buffer)
        for _ in range(_TRIES):
            place = self._buffer.rfind(self._usual_end, self._searched, place)
            if place < 0:
                break
            if found := self._boundary.match(self._buffer, place):
                return found.end()
        boundaries = self._boundary.finditer(self._buffer, self._searched)
        return max((boundary.end() for boundary in boundaries), default=0)

    def _last_end(self, text: str) -> int:
        """Return where the last record ends, 0 if none does."""
        place = text.rfind(self._usual_end)
        known = place + len(self._usual_end) if place >= 0 else 0
        return max((end.end() for end in self._end.finditer(text, known)), default=known)

    def _together(self, text: str) -> Iterator[Element]:
        """Parse records in one go; each on its own if anything is odd: not well-formed, huge, fewer than they seem."""
        root = _parse(text, self._namespaces)
        records = [] if root is None else Element(root).all(self._record)
        if root is None or len(records) != text.count(self._usual_end) or _is_huge(root, text):
            yield from self._one_by_one(text)
        else:
            yield from records

    def _one_by_one(self, text: str) -> Iterator[Element]:
        begin = 0
        for boundary in self._boundary.finditer(text):
            yield from self._parsed(text[begin : boundary.end()])
            begin = boundary.end()
        yield from self._parsed(text[begin:])

    def _parsed(self, text: str) -> Iterator[Element]:
        root = _parse(text, self._namespaces)
        if root is None:
            repaired = repair(text, record=self._record)
            undeclared = {prefix: f' xmlns:{prefix}="urn:undeclared"' for prefix in prefixes(repaired)}
            root = _parse(repaired, undeclared | self._namespaces)
        if root is None:
            yield self._unreadable(text)
            return
        if _is_huge(root, text):
            raise self._too_large
        yield from Element(root).all(self._record)

    def _unreadable(self, text: str) -> Element:
        node = etree.Element(self._record)
        if found := self._id.search(text):
            etree.SubElement(node, f"{self._record}ID").text = found[1]
        return Element(node, readable=False)


def _is_huge(root: "etree._Element", text: str) -> bool:
    return text.count("<") > MAX_ELEMENTS and bool(root.xpath(f"count(//*) > {MAX_ELEMENTS}"))


def _parse(text: str, namespaces: Mapping[str, str]) -> "etree._Element | None":
    try:
        return etree.fromstring(f"<records{''.join(namespaces.values())}>{text}</records>".encode(), _parser())
    except (etree.LxmlError, ValueError):
        return None


@lru_cache(maxsize=1)
def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
