"""Parse one answer of Afterbuy as a stream, record by record.

Bytes go in chunk by chunk; lxml calls back for every start, text and end (a parser target); no tree of the document is
ever built. One kind of element is wanted (``Order`` or ``Product``): each is collected into an ``Element``, passed to a
callback at its end and released. Of all the rest only a few fields of the envelope are kept. So memory depends on one
record, not on the answer, and unknown elements cost nothing::

    <Afterbuy> <CallStatus/> <Result> <HasMoreItems/> <Orders> <Order>…</Order> <Order>…
               envelope              envelope                 ╰── take(Element) at each end

Letter case and order of elements vary between answers, so names are compared in lower case. Document types are refused
(entity bombs need one; HTML inside CDATA is text and passes), the network is never accessed, and sizes are capped.
Everything that is no well-formed answer is ``Transient``: maintenance pages and broken proxies are temporary.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, cast

from lxml import etree

from aftersend.afterbuy.model import AFTERBUY
from aftersend.errors import Transient

MAX_BYTES: Final = 64 * 1024 * 1024
"""Limit of one answer, after decompression. 250 orders of twenty items are about 5 MB."""
MAX_PLAIN_BYTES: Final = 1024 * 1024
"""Limit of an answer in which no records are expected, such as that of an update."""
MAX_RECORDS: Final = 1000
"""Limit of one answer: four times the page size."""
MAX_STEPS: Final = 200_000
"""Limit of elements and pieces of text in one record."""

_ENVELOPE: Final = frozenset(
    {
        "callstatus",
        "errorcode",
        "warningcode",
        "hasmoreitems",
        "lastorderid",
        "afterbuytimestamp",
        "afterbuyuniversaltimestamp",
    }
)


@dataclass(slots=True)
class Element:
    """One element of a record: lower-case name, text, children in document order."""

    name: str
    pieces: list[str] = field(default_factory=list)
    children: list["Element"] = field(default_factory=list)

    def all(self, path: str) -> list["Element"]:
        """Find every element at a path such as ``SoldItems/SoldItem``; letter case does not matter."""
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


@dataclass(frozen=True, slots=True)
class Envelope:
    """The fields around the records."""

    status: str
    """CallStatus in lower case: success, warning, error."""
    errors: tuple[str, ...]
    """Every ErrorCode, at any depth."""
    warnings: tuple[str, ...]
    fields: Mapping[str, str]
    """The other fields by lower-case name."""


class AnswerReader:
    """Incremental parser: ``feed`` bytes, then ``finish``. ``record`` names the wanted element, ``take`` gets each."""

    def __init__(self, record: str = "", take: Callable[[Element], None] = lambda _: None) -> None:
        self._target = _Target(record.lower(), take)
        self._bytes = 0
        self._most_bytes = MAX_BYTES if record else MAX_PLAIN_BYTES
        self._parser = etree.XMLParser(
            target=cast("Any", self._target),  # its type wants methods that lxml does not
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
            recover=False,
        )

    def feed(self, chunk: bytes) -> None:
        """Parse the next bytes; ``Transient`` as soon as they cannot be an answer."""
        self._bytes += len(chunk)
        if self._bytes > self._most_bytes:
            raise _broken("answer_too_large")
        try:
            self._parser.feed(chunk)
        except (etree.LxmlError, ValueError, LookupError):
            raise _broken("unparsable") from None

    def finish(self) -> Envelope:
        """Return the envelope once all bytes are in; ``Transient`` if something is missing."""
        if not self._bytes:
            raise _broken("empty_answer")
        try:
            self._parser.close()
        except (etree.LxmlError, ValueError, LookupError):
            raise _broken("unparsable") from None
        return self._target.envelope()


def _broken(code: str) -> Transient:
    return Transient(code, upstream=AFTERBUY)


class _Target:
    """lxml's parser target. ``_open`` is the path inside the current record, ``_field`` the open envelope field."""

    def __init__(self, record: str, take: Callable[[Element], None]) -> None:
        self._record = record
        self._take = take
        self._records = 0
        self._steps = 0
        self._rooted = False
        self._open: list[Element] = []
        self._field: list[str] | None = None
        self._fields: dict[str, list[str]] = {}

    def start(self, tag: str, _attributes: Mapping[str, str]) -> None:
        name = tag.rpartition("}")[2].lower()
        if self._open:
            self._step()
            self._open.append(Element(name))
        elif not self._rooted:
            self._root(name)
        elif name == self._record:
            self._begin(name)
        else:
            self._field = [] if name in _ENVELOPE else None

    def data(self, text: str) -> None:
        if self._open:
            self._step()
            self._open[-1].pieces.append(text)
        elif self._field is not None:
            self._field.append(text)

    def end(self, tag: str) -> None:
        if self._open:
            self._close()
        elif self._field is not None:
            name = tag.rpartition("}")[2].lower()
            self._fields.setdefault(name, []).append("".join(self._field).strip())
            self._field = None

    def doctype(self, *_identifiers: str | None) -> None:
        raise _broken("document_type")

    def close(self) -> None:
        """Called by lxml at the end, also after an error."""

    def envelope(self) -> Envelope:
        first = {name: values[0] for name, values in self._fields.items()}
        return Envelope(
            status=first.get("callstatus", "").lower(),
            errors=self._codes("errorcode"),
            warnings=self._codes("warningcode"),
            fields=first,
        )

    def _codes(self, name: str) -> tuple[str, ...]:
        return tuple(code for code in self._fields.get(name, ()) if code not in {"", "0"})

    def _root(self, name: str) -> None:
        if name != "afterbuy":
            raise _broken("not_an_answer")
        self._rooted = True

    def _begin(self, name: str) -> None:
        self._records += 1
        if self._records > MAX_RECORDS:
            raise _broken("too_many_records")
        self._steps = 0
        self._open.append(Element(name))

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _broken("record_too_large")

    def _close(self) -> None:
        done = self._open.pop()
        if self._open:
            self._open[-1].children.append(done)
        else:
            self._take(done)
