"""Bytes that msgspec refuses by errors of Python itself: every reader answers as it does to any other nonsense."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from redis.asyncio import Redis

from aftersend.backup import chunks
from aftersend.backup.errors import BadBackup
from aftersend.cli import tenant_context
from aftersend.errors import Bug, Misconfigured, Rejected
from aftersend.handover.contents import read_credentials
from aftersend.key_files import make_data_keys
from aftersend.ledger.store import Ledger
from aftersend.runs import RunRequest
from aftersend.sealing import Keyring, bind
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.parcel import decode_webhook
from aftersend.stream.event import Event
from aftersend_operator.api import client
from aftersend_operator.status import reports
from aftersend_operator.status.service_reports import parse_report
from tests.support.handover_kit import NOW

DEEP = b"[" * 100_000
BAD = {
    "no UTF-8": b'{"v":1,"kind":"\xfe","order":"\xff","tenant":"\xff"}',
    "deep": b'{"v":1,"x":' + DEEP,
    "deep at once": DEEP,
    "empty": b"",
    "long number": b'{"v":1' + b"0" * 10_000 + b"}",
    "half": b'{"v":1,"or',
}


@pytest.fixture(params=BAD.values(), ids=BAD)
def bad(request: pytest.FixtureRequest) -> bytes:
    return cast("bytes", request.param)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    make_data_keys(tmp_path)
    return Keyring(SecretFiles(tmp_path))


def refused(kind: type[Exception], call: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    """It raises our own error, which carries nothing of the one that quotes its input."""
    with pytest.raises(kind) as caught:
        call(*arguments, **named)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_merchants_document(bad: bytes) -> None:
    refused(Misconfigured, read_credentials, bad, tenant="mueller", now=NOW)


def test_a_webhook(bad: bytes) -> None:
    refused(Rejected, decode_webhook, bad, received=0)


def test_the_data_of_an_event(bad: bytes) -> None:
    event = Event("0190", "parcel.changed", "", "webhook", 1, "", "", bad)
    refused(Rejected, event.read, RunRequest)


def test_an_entry_of_the_ledger(bad: bytes, keyring: Keyring) -> None:
    documents = Ledger(Redis(), tenant="mueller", keyring=keyring)._documents
    refused(Bug, documents._decode, "4711", bad, None)


@pytest.mark.parametrize("plain", [b"\x91" * 100_000, b"\x81\xa1\xfe", b"", b"\xdd\xff"], ids=repr)
def test_the_sealed_part_of_an_entry(plain: bytes, keyring: Keyring) -> None:
    documents = Ledger(Redis(), tenant="mueller", keyring=keyring)._documents
    sealed = keyring.seal(plain, bound=documents.bound("4711"))
    refused(Bug, documents._decode, "4711", b'{"order":"4711"}', sealed)


@pytest.mark.parametrize("plain", [b"\x91" * 100_000, b"\x91\x81\xa1\xfe", b""], ids=repr)
def test_a_chunk_of_a_backup(plain: bytes, keyring: Keyring) -> None:
    header = f"{chunks.FORMAT} mueller b {keyring.key_id()}"
    sealed = keyring.seal(chunks.zlib.compress(plain), bound=bind("backup", header, "0", "last"))
    with pytest.raises(BadBackup):
        chunks._open(sealed, keyring, header, "b", 0)


@pytest.mark.parametrize("bad", [b'{"t":{"x":' + DEEP, b'{"\xfe":{}}', DEEP], ids=["deep", "no UTF-8", "deep at once"])
def test_the_file_that_up_leaves(bad: bytes, tmp_path: Path) -> None:
    (tmp_path / "up.json").write_bytes(bad)
    refused(Misconfigured, tenant_context._saved, tmp_path)


@pytest.mark.parametrize("bad", [b'{"mueller":{"x":' + DEEP, b'{"mueller":{"x":"\xfe"}}'], ids=["deep", "no UTF-8"])
def test_the_report_of_a_pod(bad: bytes) -> None:
    assert parse_report(bad, "mueller") is None


@pytest.mark.parametrize("bad", [b'{"x":' + b"[" * 4000, b'{"outcome":"\xfe"}'], ids=["deep", "no UTF-8"])
def test_the_last_words_of_a_job(bad: bytes) -> None:
    pod = cast("Any", SimpleNamespace(report=bad))
    for read in (reports._export_report, reports._backup_report):
        assert read(pod).outcome == "failed"


async def test_an_error_of_the_api_server(bad: bytes) -> None:
    async def read(_: int) -> bytes:
        return bad

    assert await client._status_of(cast("Any", SimpleNamespace(content=SimpleNamespace(read=read)))) == {}


def test_these_are_no_errors_of_msgspec() -> None:
    """Else nothing of this were needed."""
    with pytest.raises(RecursionError):
        msgspec.json.decode(BAD["deep"], type=dict)
    with pytest.raises(UnicodeDecodeError):
        msgspec.json.decode(BAD["no UTF-8"], type=dict)
