"""The format of backups: whatever is done to the bytes, nothing wrong is taken for good."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from aftersend.backup.chunks import packed, unpacked
from aftersend.backup.errors import BadBackup
from aftersend.backup.records import Record, SavedEvent, SavedFacts
from aftersend.errors import Misconfigured
from aftersend.key_files import make_data_keys, make_next_key
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles

TENANT, ID = "shops.mueller", "20261126T153000Z-3f9c"


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    make_data_keys(tmp_path / "data-key")
    return Keyring(SecretFiles(tmp_path / "data-key"))


async def _each(items: list[Record]) -> AsyncIterator[Record]:
    for item in items:
        yield item


RECORDS: list[Record] = [
    SavedFacts({"sweep.cursor": "2026-11-26T10:00:00.000Z"}),
    *(
        SavedEvent("parcels", "stream", {b"id": b"%d" % number, b"data": bytes(range(256)) * 400})
        for number in range(12)
    ),
]


async def _written(keyring: Keyring, records: list[Record] = RECORDS, *, tenant: str = TENANT) -> list[bytes]:
    """Header and chunks."""
    key = keyring.ids()[0]
    return [piece async for piece in packed(_each(records), keyring, tenant=tenant, backup_id=ID, key=key)]


async def _read(raw: bytes, keyring: Keyring, *, tenant: str = TENANT, piece: int = 1000) -> list[Record]:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(raw), piece):
            yield raw[start : start + piece]

    return [record async for record in unpacked(pieces(), keyring, tenant=tenant, backup_id=ID)]


@pytest.mark.parametrize("piece", [1, 7, 4096, 10**7])
async def test_records_come_back_in_order_whatever_the_pieces(keyring: Keyring, piece: int) -> None:
    written = await _written(keyring)
    assert len(written) > 4, "header and several chunks, or this shows little"
    assert await _read(b"".join(written), keyring, piece=piece) == RECORDS


async def test_an_empty_tenant_has_a_backup_too(keyring: Keyring) -> None:
    assert await _read(b"".join(await _written(keyring, [])), keyring) == []


Harm = Callable[[list[bytes]], list[bytes]]
HARMS: dict[str, Harm] = {
    "last chunk missing": lambda parts: parts[:-1],
    "middle chunk missing": lambda parts: [*parts[:2], *parts[3:]],
    "only the header": lambda parts: parts[:1],
    "chunks swapped": lambda parts: [parts[0], parts[2], parts[1], *parts[3:]],
    "chunk doubled": lambda parts: [*parts[:2], *parts[1:]],
    "more behind the end": lambda parts: [*parts, b"x"],
    "ends in a length": lambda parts: [*parts[:2], parts[2][:3]],
    "ends in a chunk": lambda parts: [*parts[:-1], parts[-1][:-1]],
    "absurd length": lambda parts: [parts[0], b"\xff\xff\xff\xff", *parts[1:]],
    "length beyond the end": lambda parts: [*parts[:-1], b"\x00\xff\xff\xff" + parts[-1][4:]],
    "unsealed chunk": lambda parts: [parts[0], b"\x00\x00\x00\x05hello", *parts[1:]],
    "nothing": lambda _: [],
    "another file": lambda _: [b"PK\x03\x04 not a backup at all\n" * 100],
    "no line feed": lambda _: [b"aftersend-backup 1 " + b"x" * 5000],
    "newer format": lambda parts: [parts[0].replace(b"backup 1", b"backup 2"), *parts[1:]],
    "another key in the header": lambda parts: [parts[0].replace(ID.encode(), b"20261126T153000Z-0000"), *parts[1:]],
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=list(HARMS))
async def test_harm_is_noticed_and_named(keyring: Keyring, harm: Harm) -> None:
    with pytest.raises(BadBackup) as caught:
        await _read(b"".join(harm(await _written(keyring))), keyring)
    assert ID in str(caught.value)
    assert "aftersend backup list" in str(caught.value)


async def test_no_flipped_bit_goes_unnoticed(keyring: Keyring) -> None:
    raw = b"".join(await _written(keyring, RECORDS[:2]))
    step = max(1, len(raw) // 150)
    for position in [*range(120), *range(120, len(raw), step), len(raw) - 1]:
        harmed = bytearray(raw)
        harmed[position] ^= 1
        with pytest.raises((BadBackup, Misconfigured)):
            await _read(bytes(harmed), keyring)


async def test_a_backup_of_another_tenant_is_refused_even_under_the_same_key(keyring: Keyring) -> None:
    written = await _written(keyring, tenant="shops.schmidt")
    with pytest.raises(BadBackup, match=r"not a backup of shops\.mueller"):
        await _read(b"".join(written), keyring)
    renamed = written[0].replace(b"schmidt", b"mueller")
    with pytest.raises(BadBackup, match="sealed for another place"):
        await _read(b"".join([renamed, *written[1:]]), keyring)


async def test_a_missing_key_is_named_and_another_key_opens_nothing(keyring: Keyring, tmp_path: Path) -> None:
    raw = b"".join(await _written(keyring))
    old = keyring.ids()[0]
    folder = tmp_path / "data-key"
    newer = make_next_key(folder)
    (folder / old).rename(tmp_path / "kept")
    with pytest.raises(Misconfigured, match=f"data-key/{old}"):
        await _read(raw, Keyring(SecretFiles(folder)))
    (folder / newer).rename(folder / old)
    with pytest.raises(BadBackup, match="damaged or sealed for another place at chunk 0"):
        await _read(raw, Keyring(SecretFiles(folder)))
