"""Parse one answer of Afterbuy as a stream, record by record.

Bytes go in chunk by chunk. One kind of element is wanted (``Order`` or ``Product``): each is parsed on its own (see
``records``) and passed on as an ``Element``. Of all the rest, the envelope, only a few fields are kept. So memory
depends on one record, not on the answer, and a record that is no well-formed XML affects no other::

    <Afterbuy> <CallStatus/> <Result> <HasMoreItems/> <Orders> <Order>…</Order> <Order>…
               envelope              envelope                 ╰── take(Element) for each

Letter case and order of elements vary between answers, so names are compared in lower case. Document types are refused
(entity bombs need one; HTML inside CDATA is text and passes), the network is never asked, and sizes are capped.
Everything that is no well-formed envelope is ``Transient``: maintenance pages and broken proxies go away.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from aftersend.afterbuy.model import AFTERBUY
from aftersend.afterbuy.records import Element, RecordSplitter
from aftersend.errors import Transient

MAX_BYTES: Final = 64 * 1024 * 1024
"""Limit of one answer, after decompression. 250 orders of twenty items are about 5 MB."""
MAX_PLAIN_BYTES: Final = 1024 * 1024
"""Limit of an answer in which no records are expected, such as that of an update."""
MAX_RECORDS: Final = 1000
"""Limit of one answer: four times the page size."""

_DECLARED: Final = re.compile(rb"""^\s*<\?xml[^>]*\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_LONGEST_DECLARATION: Final = 256
_UTF_8: Final = "utf-8-sig"
_WIDER: Final = {"utf-8": _UTF_8, "ascii": _UTF_8, "iso8859-1": "cp1252"}
"""Encodings that hold all of another one, which is declared wrongly more often than not."""
_ASCII: Final = b"<?xml ?>"
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PROLOG: Final = re.compile(r"\s*(?:<\?[^>]*>\s*|<!--[^>]*-->\s*)*<(!DOCTYPE|[A-Za-z_][\w:.-]*)", re.IGNORECASE)
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
        self._take = take
        self._splitter = RecordSplitter(record, too_large=_broken("record_too_large")) if record else None
        self._most_bytes = MAX_BYTES if record else MAX_PLAIN_BYTES
        self._bytes = self._records = 0
        self._plain = ""
        self._start = b""
        self._decoder: codecs.IncrementalDecoder | None = None

    def feed(self, chunk: bytes) -> None:
        """Parse the next bytes; ``Transient`` as soon as they cannot be an answer."""
        self._bytes += len(chunk)
        if self._bytes > self._most_bytes:
            raise _broken("answer_too_large")
        self._decode(chunk)

    def finish(self) -> Envelope:
        """Return the envelope, once all bytes are in; ``Transient`` if something is missing."""
        if not self._bytes:
            raise _broken("empty_answer")
        self._decode(b"", final=True)
        if self._splitter is None:
            return _envelope(self._plain)
        last, around = self._splitter.finish()
        self._hand_over(last)
        return _envelope(around)

    def _decode(self, chunk: bytes, *, final: bool = False) -> None:
        if self._decoder is None:
            self._start += chunk
            if not final and b">" not in self._start and len(self._start) < _LONGEST_DECLARATION:
                return
            self._decoder, chunk, self._start = _decoder(self._start), self._start, b""
        try:
            text = self._decoder.decode(chunk, final=final)
        except UnicodeError:
            raise _broken("unparsable") from None
        if self._splitter is None:
            self._plain += text
        else:
            self._hand_over(self._splitter.feed(text))

    def _hand_over(self, elements: Iterable[Element]) -> None:
        for element in elements:
            self._records += 1
            if self._records > MAX_RECORDS:
                raise _broken("too_many_records")
            self._take(element)


def _decoder(start: bytes) -> codecs.IncrementalDecoder:
    """Choose the decoder by byte order mark or declaration, else UTF-8.

    Bytes that are no text become lone surrogates, which XML forbids: ``repair`` leaves them out of a record.
    """
    if start.startswith(_UTF_16):
        return codecs.getincrementaldecoder("utf-16")("surrogatepass")
    declared = _DECLARED.match(start.removeprefix(codecs.BOM_UTF8))
    return codecs.getincrementaldecoder(_codec(declared[1].decode()) if declared else _UTF_8)("surrogateescape")


def _codec(declared: str) -> str:
    """Return the codec of a declaration that was read as ASCII, so an encoding such as UTF-16 is wrongly declared."""
    try:
        known = codecs.lookup(declared).name
        is_plausible = _ASCII.decode(known) == _ASCII.decode()
    except LookupError:
        raise _broken("unparsable") from None
    except UnicodeError:
        return _UTF_8
    return _WIDER.get(known, known) if is_plausible else _UTF_8


def _envelope(text: str) -> Envelope:
    """Parse the text around the records."""
    prolog = _PROLOG.match(text)
    if prolog and prolog[1].upper() == "!DOCTYPE":
        raise _broken("document_type")
    if prolog and prolog[1].rpartition(":")[2].lower() != "afterbuy":
        raise _broken("not_an_answer")
    fields: dict[str, list[str]] = {}
    for node in _parse(text).iter():
        name = str(node.tag).rpartition("}")[2].lower()
        if name in _ENVELOPE:
            fields.setdefault(name, []).append((node.text or "").strip())
    first = {name: values[0] for name, values in fields.items()}
    return Envelope(
        status=first.get("callstatus", "").lower(),
        errors=_codes(fields.get("errorcode", ())),
        warnings=_codes(fields.get("warningcode", ())),
        fields=first,
    )


def _parse(text: str) -> "etree._Element":
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except (etree.LxmlError, ValueError):
        raise _broken("unparsable") from None


def _codes(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(code for code in found if code not in {"", "0"})


def _broken(code: str) -> Transient:
    return Transient(code, upstream=AFTERBUY)
