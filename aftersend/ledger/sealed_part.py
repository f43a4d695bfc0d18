"""The sealed part of an entry as bytes: numbers, links and carriers by parcel, in a length that says nothing of them.

MessagePack, filled up in an additional field ``pad`` of the last parcel, which every reader skips. The length is a
multiple of 512 bytes per parcel, so for usual links it follows from the number of parcels, which is readable anyway.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from aftersend.ledger.entry import ParcelDetails

_BYTES_PER_PARCEL: Final = 512
_decoder = msgspec.msgpack.Decoder(dict[str, ParcelDetails])


class _PaddedDetails(ParcelDetails, frozen=True, omit_defaults=True, kw_only=True):
    pad: msgspec.Raw


def encode_sealed_part(details: Mapping[str, ParcelDetails]) -> bytes:
    """Encode and fill up."""
    if not details:
        return msgspec.msgpack.encode(details)
    return _encoded(details, -len(_encoded(details, 0)) % (_BYTES_PER_PARCEL * len(details)))


def decode_sealed_part(plain: bytes) -> dict[str, ParcelDetails]:
    """Decode, filled up or not (earlier releases); ``msgspec.DecodeError`` if it is neither."""
    return _decoder.decode(plain)


def _encoded(details: Mapping[str, ParcelDetails], filling: int) -> bytes:
    name, last = list(details.items())[-1]
    pad = msgspec.Raw(b"\xc6" + filling.to_bytes(4, "big") + bytes(filling))  # bin 32: the header never changes length
    filled = _PaddedDetails(number=last.number, url=last.url, carrier=last.carrier, pad=pad)
    return msgspec.msgpack.encode({**details, name: filled})
