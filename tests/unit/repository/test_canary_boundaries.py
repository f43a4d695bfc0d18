"""Whatever comes in at a boundary: the error that leaves it never holds a marked value, however it is printed.

Each boundary is fed text around marks: as values, as names of fields, in the wrong places, cut off anywhere.
"""

import traceback
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.exceptions import RedisError

from aftersend.afterbuy.answer import AnswerReader
from aftersend.afterbuy.errors import read_refusal, status_refusal, write_refusal
from aftersend.afterbuy.sold_items import SoldItemsPage
from aftersend.errors import AftersendError
from aftersend.observe.logs import describe
from aftersend.redis.connection import connect, guarded
from aftersend.runs import RunRequest
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.errors import refusal
from aftersend.sendcloud.lenient import decode
from aftersend.sendcloud.lists import IntegrationList, OrderList, Pagination, ParcelList
from aftersend.sendcloud.model import ParcelEvent
from aftersend.sendcloud.parcel import Ignored, decode_webhook, swept_event
from aftersend.settings import read_settings
from aftersend.stream.event import Event, unpack
from aftersend.stream.retry import error_text
from aftersend.tenant.loading import parse_tenant
from tests.support.canary.marks import MARKS
from tests.support.canary.search import search

WORDS = {name: word for name, word in MARKS.items() if not name.startswith("raw")}
MARK = st.sampled_from(sorted(WORDS.values()))
JSON = st.recursive(
    MARK | st.none() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MARK, inner, max_size=3),
    max_leaves=6,
)
ENDING = st.integers(min_value=0, max_value=12)

XML_NAMES = st.sampled_from(
    ["OrderID", "OrderDate", "ItemQuantity", "ItemWeight", "ErrorCode", "CallStatus", "Zwxname"]
)
PARCEL_NAMES = st.sampled_from(["id", "status", "tracking_number", "carrier", "collo_nr", "is_return", "order_number"])
YAML_NAMES = st.sampled_from(["apiVersion", "kind", "metadata", "spec", "status"])


def silent(work: Callable[[], object]) -> None:
    """Do it; if it fails, then with one of our errors, and no print of that error holds a mark."""
    try:
        work()
    except AftersendError as error:
        shown = [str(error), repr(error), repr(error.args), describe(error), error_text(error)]
        shown += traceback.format_exception(error)
        assert search({"error": "\n".join(shown).encode()}, WORDS) == []


def cut(text: str, ending: int) -> bytes:
    """Without its last characters."""
    return text.encode()[: -ending or None]


@given(st.lists(st.tuples(XML_NAMES, MARK), max_size=6), ENDING, st.sampled_from(["", "\xff", "<!DOCTYPE x>"]))
def test_answers_of_afterbuy(fields: list[tuple[str, str]], ending: int, odd: str) -> None:
    inner = "".join(f"<{name}>{word}</{name}>" for name, word in fields)
    item = f"<SoldItems><SoldItem>{inner}</SoldItem></SoldItems>"
    order = f"<Order>{inner}{item}</Order>"
    body = f"{odd}<Afterbuy>{inner}<Result>{inner}<Orders>{order}</Orders></Result></Afterbuy>"

    def read() -> None:
        page = SoldItemsPage()
        reader = AnswerReader("Order", page.take)
        reader.feed(cut(body, ending))
        envelope = reader.finish()
        page.read_paging(envelope)
        assert search({"paths": repr([each.path for each in page.unreadable]).encode()}, WORDS) == []
        for error in (read_refusal(envelope), write_refusal(envelope)):
            if error:
                raise error

    silent(read)


@given(st.integers(100, 599), MARK)
def test_statuses_of_afterbuy(status: int, word: str) -> None:
    silent(lambda: _raise(status_refusal(status, retry_after=word)))


@given(st.dictionaries(PARCEL_NAMES, JSON, max_size=6), JSON, ENDING, st.sampled_from([True, False]))
def test_webhooks_and_parcels(parcel: dict[str, Any], action: Any, ending: int, known: bool) -> None:  # noqa: FBT001
    envelope = {"parcel": parcel, "timestamp": action, "action": "parcel_status_changed" if known else action}

    def read() -> None:
        found = decode_webhook(cut(msgspec.json.encode(envelope).decode(), ending), received=10**12)
        if isinstance(found, Ignored):
            assert search({"log": found.action.encode()}, WORDS) == []

    silent(read)
    silent(lambda: swept_event(cut(msgspec.json.encode(parcel).decode(), ending), received=10**12))


@pytest.mark.parametrize("kind", [ParcelList, OrderList, IntegrationList, ParcelEvent])
@given(JSON, JSON, ENDING)
def test_lists_of_sendcloud(kind: type, first: Any, second: Any, ending: int) -> None:
    silent(lambda: decode(cut(msgspec.json.encode({"data": first, "parcels": second}).decode(), ending), kind))
    silent(lambda: Pagination({}).follow(f"http://[{first}"))


@given(st.sampled_from([400, 401, 402, 404, 413, 422, 429, 500]), st.lists(MARK, min_size=1), JSON)
def test_refusals_of_sendcloud(status: int, way: list[str], odd: Any) -> None:
    fault = {"code": odd, "detail": way[0], "source": {"pointer": f"/data/attributes/[0]/{'/'.join(way)}"}}
    error = refusal(status, {"Retry-After": way[0]}, msgspec.json.encode({"errors": [fault, odd]}), batch=2)
    silent(lambda: _raise(error))
    assert search({"positions": repr(getattr(error, "positions", "")).encode()}, WORDS) == []


@given(st.dictionaries(YAML_NAMES | MARK, JSON, max_size=5), MARK)
@settings(max_examples=50)
def test_tenant_documents(document: dict[str, Any], word: str) -> None:
    spec = {"afterbuy": {"credentials": {word: None}}, "sendcloud": {"credentials": word}, word: word}
    whole = {"apiVersion": "aftersend.jj-ideenschmiede.de/v1", "kind": "AftersendTenant", "metadata": {"name": "x"}}
    for tried in (document, {**whole, "spec": document}, {**whole, "spec": spec}, {**whole, word: word}):
        silent(lambda tried=tried: parse_tenant(msgspec.yaml.encode(tried)))
    silent(lambda: parse_tenant(f"spec: [{word}\nx: {{{word}: *{word}}}".encode()))
    silent(lambda: parse_tenant(f"{word}: 1\n{word}: 2".encode() + b"\xff"))


@given(MARK)
@settings(max_examples=20)
def test_settings(word: str) -> None:
    names = ("REDIS_URL", "LISTEN", "ADMIN_LISTEN", "LOG_FORMAT", "LOG_LEVEL", "SCHEDULER", "ALLOW_HTTP")
    silent(lambda: read_settings({f"AFTERSEND_{name}": word for name in names}))
    silent(lambda: read_settings({"AFTERSEND_REDIS_URL": f"http://:{word}@[{word}"}))


@given(MARK, st.sampled_from(["20260101", "fingerprint"]))
@settings(max_examples=20)
def test_secret_files(word: str, name: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        keyring = Keyring(SecretFiles(path.parent))
        path.write_text(word)
        silent(lambda: keyring.check(fingerprint=True))
        silent(lambda: keyring.mac(word.encode(), purpose="x"))
        silent(lambda: keyring.seal(word.encode(), bound=b""))
        silent(lambda: keyring.open(b"20260101:" + word.encode() * 4, bound=b""))
        path.write_bytes(b"\xff\xfe" + word.encode())
        silent(lambda: SecretFiles(path.parent).required(name))


@given(st.dictionaries(st.sampled_from([b"v", b"id", b"type", b"time", b"source", b"first"]), MARK), JSON)
def test_entries_of_streams(fields: dict[bytes, str], data: Any) -> None:
    entry = {b"v": b"1", b"type": b"parcel.changed", **{name: word.encode() for name, word in fields.items()}}
    silent(lambda: unpack(entry))
    event = Event("x", "export.requested", "x", "cli", 1, "x", "", msgspec.json.encode(data))
    silent(lambda: event.read(RunRequest))


@given(MARK)
@settings(max_examples=20)
def test_redis(word: str) -> None:
    def fails() -> None:
        with guarded():
            raise RedisError(f"WRONGPASS {word}")

    silent(fails)
    with TemporaryDirectory() as folder:
        assert word not in repr(connect(f"redis://:{word}@127.0.0.1:9/0", SecretFiles(Path(folder)), part="x"))


def _raise(error: AftersendError) -> None:
    raise error
