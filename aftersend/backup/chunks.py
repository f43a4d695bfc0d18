r"""The file format of a backup: records to sealed chunks, and back.

    aftersend-backup 1 <tenant> <id> <data key>\n        readable, so that errors can name what does not fit
    <length, 4 bytes> <sealed chunk>                     chunk 0
    <length, 4 bytes> <sealed chunk>                     chunk 1 …

A chunk is a list of records (msgpack, compressed) of about 256 KiB, sealed as everything else is, key id in front. Its
seal is bound to the header, to its position and to whether it is the last one. So a chunk that was changed, moved,
repeated or taken from another backup does not open, and a file that ends early has no last chunk.

Both directions work chunk by chunk: memory stays flat however large a tenant is.
"""

import re
import zlib
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from aftersend.backup import errors
from aftersend.backup.records import Record
from aftersend.sealing import Keyring, UnknownKey, WrongSeal, bind
from aftersend.undecodable import UNDECODABLE

FORMAT: Final = "aftersend-backup 1"
CHUNK_BYTES: Final = 256 * 1024
_MOST_BYTES: Final = 64 * 1024 * 1024
_HEADER_BYTES: Final = 1024
_LENGTH: Final = 4
_HEADER: Final = re.compile(rb"%s ([a-z0-9.-]+) ([0-9A-Za-z-]+) ([0-9-]+)" % FORMAT.encode())
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Record])


async def packed(
    records: AsyncIterator[Record], keyring: Keyring, *, tenant: str, backup_id: str, key: str
) -> AsyncIterator[bytes]:
    """Yield the bytes of a backup."""
    header = f"{FORMAT} {tenant} {backup_id} {key}"
    yield f"{header}\n".encode()
    position, waiting, size = 0, list[bytes](), 0
    async for record in records:
        encoded = _encoder.encode(record)
        if waiting and size + len(encoded) > CHUNK_BYTES:
            yield _seal(waiting, keyring, key, _bound(header, position, last=False))
            position, waiting, size = position + 1, [], 0
        waiting.append(encoded)
        size += len(encoded)
    yield _seal(waiting, keyring, key, _bound(header, position, last=True))


def _seal(records: list[bytes], keyring: Keyring, key: str, bound: bytes) -> bytes:
    plain = b"\xdd" + len(records).to_bytes(4, "big") + b"".join(records)  # msgpack: an array of so many
    sealed = keyring.seal(zlib.compress(plain), bound=bound, key=key)
    return len(sealed).to_bytes(_LENGTH, "big") + sealed


def _bound(header: str, position: int, *, last: bool) -> bytes:
    return bind("backup", header, str(position), "last" if last else "more")


async def unpacked(
    source: AsyncIterator[bytes], keyring: Keyring, *, tenant: str, backup_id: str
) -> AsyncIterator[Record]:
    """Yield the records of a backup; ``BadBackup`` as soon as something is wrong with it."""
    reader = _ByteReader(source)
    header = await _header(reader, keyring, tenant=tenant, backup_id=backup_id)
    position, last = 0, False
    while not last:
        chunk = await _chunk(reader, backup_id, position)
        last, records = _open(chunk, keyring, header, backup_id, position)
        for record in records:
            yield record
        position += 1
    if await reader.upto(1):
        raise errors.damaged(backup_id, position)


async def _header(reader: "_ByteReader", keyring: Keyring, *, tenant: str, backup_id: str) -> str:
    found = _HEADER.fullmatch(await reader.line())
    if found is None:
        raise errors.no_backup(backup_id)
    if (found[1].decode(), found[2].decode()) != (tenant, backup_id):
        raise errors.foreign(backup_id, tenant)
    if (key := found[3].decode()) not in keyring.ids():
        raise errors.key_missing(backup_id, key)
    return found[0].decode()


async def _chunk(reader: "_ByteReader", backup_id: str, position: int) -> bytes:
    length = int.from_bytes(head := await reader.upto(_LENGTH), "big")
    if length > _MOST_BYTES:
        raise errors.damaged(backup_id, position)
    chunk = await reader.upto(length)
    if len(head) < _LENGTH or len(chunk) < length:
        raise errors.truncated(backup_id, position)
    return chunk


def _open(chunk: bytes, keyring: Keyring, header: str, backup_id: str, position: int) -> tuple[bool, list[Record]]:
    """Unseal a chunk: whether it is the last one, and its records."""
    for last in (False, True):
        try:
            plain = keyring.open(chunk, bound=_bound(header, position, last=last))
            return last, _decoder.decode(zlib.decompress(plain))
        except WrongSeal:
            continue
        except (UnknownKey, zlib.error, *UNDECODABLE):
            break
    raise errors.damaged(backup_id, position)


class _ByteReader:
    """Reads exact numbers of bytes from pieces of any size."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self._kept = bytearray()

    async def upto(self, count: int) -> bytes:
        """Read so many bytes, fewer at the end."""
        while len(self._kept) < count and (piece := await anext(self._source, b"")):
            self._kept += piece
        return self._take(count)

    async def line(self) -> bytes:
        """Read up to the next line feed, which is dropped; empty if there is none."""
        while b"\n" not in self._kept[:_HEADER_BYTES] and len(self._kept) < _HEADER_BYTES:
            piece = await anext(self._source, b"")
            if not piece:
                break
            self._kept += piece
        end = self._kept.find(b"\n", 0, _HEADER_BYTES)
        return self._take(end + 1)[:-1] if end >= 0 else b""

    def _take(self, count: int) -> bytes:
        taken = bytes(self._kept[:count])
        del self._kept[:count]
        return taken
