"""The places where input from outside is read, each as a function of bytes.

Where input is sealed, strangers reach the seal only; what lies below it is read as well, as a holder of the key or an
older release may have written it.
"""

import asyncio
import atexit
import base64
import io
import shutil
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import msgspec
import pyrage
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from aftersend.afterbuy.answer import AnswerReader
from aftersend.afterbuy.errors import read_refusal, write_refusal
from aftersend.afterbuy.model import Order
from aftersend.afterbuy.products import read_product
from aftersend.afterbuy.sold_items import SoldItemsPage
from aftersend.backup.chunks import unpacked
from aftersend.backup.records import SavedFacts
from aftersend.backup.restore import merged_facts
from aftersend.handover.contents import read_credentials
from aftersend.handover.letter import open_letter
from aftersend.ledger.entry import Entry
from aftersend.ledger.merge import merge
from aftersend.ledger.store import Ledger
from aftersend.observe.metrics import Metrics
from aftersend.runs import OrderCheck, RunRequest
from aftersend.sealing import Keyring, bind
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.model import ParcelEvent
from aftersend.stream.event import pack
from aftersend.stream.stream import Stream
from aftersend.tenant.document import Export
from aftersend.tenant.loading import parse_tenant
from aftersend_exporter.rules.eligibility import TRANSFER, eligibility
from aftersend_exporter.rules.order_mapping import push_order
from aftersend_webhook.handler import WebhookHandler
from tests.fuzz.oracle import FoundError, Said

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
TENANT, BACKUP, KEY = "shops.mueller", "20261124T0930Z-abc", "20261101"
_HEADER = f"aftersend-backup 1 {TENANT} {BACKUP} {KEY}"
_SMALL_CHUNK = 7


# --- webhook ----------------------------------------------------------------------------------------------------------


class _Stored:
    """A stream that keeps the event it was given."""

    def __init__(self) -> None:
        self.events: list[ParcelEvent] = []

    async def add(self, _kind: str, _source: str, event: ParcelEvent, *, traceparent: str) -> str:  # noqa: ARG002
        self.events.append(event)
        return "0190"


def webhook(data: bytes, said: Said) -> None:
    """A signed body: handled, stored, read again, merged into the ledger."""
    stream = _Stored()
    handler = WebhookHandler(
        tenant=TENANT,
        keys=_files(),
        stream=cast("Stream", stream),
        metrics=_metrics(),
        clock=lambda: NOW_MS / 1000,
    )
    _loop().run_until_complete(handler._process(data, ""))
    for event in stream.events:
        if msgspec.json.decode(msgspec.json.encode(event), type=ParcelEvent) != event:
            raise FoundError("an event is not read as it was written")
        merged = said.call(merge, Entry(order="4711"), event, _mac)
        if merged is not None and said.call(merge, merged, event, _mac) != merged:
            raise FoundError("merging an event twice is not merging it once")


# --- Afterbuy ---------------------------------------------------------------------------------------------------------


def afterbuy(data: bytes, said: Said) -> None:
    """An answer of Afterbuy, in one piece and in small ones, as orders, products and as that of an update."""
    whole, pieces = (said.call(_sold_items, data, size) for size in (len(data) or 1, _SMALL_CHUNK))
    if whole != pieces:
        raise FoundError("an answer is read differently in small pieces")
    for order in whole.orders if whole else ():
        said.call(_exported, order)
    products: list[Any] = []
    said.call(_read, AnswerReader("Product", lambda element: products.append(read_product(element))), data, len(data))
    envelope = said.call(_read, AnswerReader(), data, len(data))
    if envelope is not None and (refusal := write_refusal(envelope, order="4711")):
        said.texts.append(str(refusal))


def _sold_items(data: bytes, size: int) -> SoldItemsPage:
    page = SoldItemsPage()
    envelope = _read(AnswerReader("Order", page.take), data, size)
    if refusal := read_refusal(envelope):
        raise refusal
    page.read_paging(envelope)
    page.next_position(0, has_news=True)
    page.highest()
    return page


def _read(reader: AnswerReader, data: bytes, size: int) -> Any:
    for start in range(0, len(data), max(size, 1)):
        reader.feed(data[start : start + size])
    return reader.finish()


def _exported(order: Order) -> None:
    rules = Export()
    if eligibility(order, rules=rules, beginning=None, now=NOW) == TRANSFER:
        msgspec.json.encode(push_order(order, integration=7, rules=rules, products={}, now=NOW))


# --- tenant document --------------------------------------------------------------------------------------------------


def tenant(data: bytes, said: Said) -> None:
    """A tenant document as a file."""
    said.call(parse_tenant, data)


# --- sealed entries ---------------------------------------------------------------------------------------------------


def sealed(data: bytes, said: Said) -> None:
    """An entry of a stream and of the ledger: its fields, its seal, and what is below the seal."""
    stream = Stream(Redis(), tenant=TENANT, name="parcels", keyring=_keyring())
    template = pack(stream.new_event("parcel.changed", "webhook", OrderCheck(order="1")))
    fields = dict(line.partition(b"=")[::2] for line in data.split(b"\n"))
    bound = stream.bound("parcel.changed", template[b"id"].decode())
    for entry in (fields, {**template, **fields}, {**template, b"data": data}):
        said.call(stream.open, entry)
    opened = stream.open({**template, b"data": _keyring().seal(data, bound=bound)})
    for kind in (ParcelEvent, RunRequest, OrderCheck):
        found = said.call(opened.read, kind)
        if isinstance(found, ParcelEvent):
            said.call(merge, Entry(order="4711"), found, _mac)
    documents = Ledger(Redis(), tenant=TENANT, keyring=_keyring())._documents
    said.call(documents._decode, "4711", data, None)
    part = _keyring().seal(data, bound=documents.bound("4711"))
    said.call(documents._decode, "4711", b'{"order":"4711"}', part)


# --- backups ----------------------------------------------------------------------------------------------------------


def backup(data: bytes, said: Said) -> None:
    """A file of a backup: its bytes, and the records in a chunk of it."""
    _loop().run_until_complete(_records(data, said))
    for plain in (data, zlib.compress(data)):
        bound = bind("backup", _HEADER, "0", "last")
        chunk = _keyring().seal(plain, bound=bound, key=KEY)
        _loop().run_until_complete(_records(f"{_HEADER}\n".encode() + len(chunk).to_bytes(4, "big") + chunk, said))


async def _records(file: bytes, said: Said) -> None:
    async def source() -> AsyncIterator[bytes]:
        for start in range(0, len(file), 1000):
            yield file[start : start + 1000]

    async def read() -> list[Any]:
        return [each async for each in unpacked(source(), _keyring(), tenant=TENANT, backup_id=BACKUP)]

    task = asyncio.ensure_future(read())
    await asyncio.wait([task])
    for record in said.call(task.result) or ():
        if isinstance(record, SavedFacts):
            said.call(merged_facts, {"sweep.cursor": "1795000000000"}, record.state)


# --- handover ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Mail:
    """A file that holds a mail."""

    data: bytes

    def open(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self.data)

    def __str__(self) -> str:
        return "a mail"


def handover(data: bytes, said: Said) -> None:
    """The text that a merchant sends, and the document in it."""
    said.call(open_letter, cast("Path", _Mail(data)), tenant="mueller", identities=_identities(), now=NOW)
    said.call(read_credentials, data, tenant="mueller", now=NOW)


# --- what targets share -----------------------------------------------------------------------------------------------


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@cache
def _files() -> SecretFiles:
    folder = Path(tempfile.mkdtemp(prefix="aftersend-fuzz-"))
    atexit.register(shutil.rmtree, folder)
    for name in (KEY, "fingerprint"):
        (folder / name).write_text(base64.b64encode(name.ljust(32).encode()).decode())
    return SecretFiles(folder)


@cache
def _keyring() -> Keyring:
    return Keyring(_files())


@cache
def _metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@cache
def _identities() -> list[Any]:
    return [pyrage.x25519.Identity.generate()]


def _mac(text: str) -> str:
    return _keyring().mac(text.encode(), purpose="fuzz")


TARGETS: dict[str, Callable[[bytes, Said], None]] = {
    each.__name__: each for each in (webhook, afterbuy, tenant, sealed, backup, handover)
}
