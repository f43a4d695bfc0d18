"""The sealed part as bytes: every value comes back, and its length says nothing."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.ledger.entry import ParcelDetails, TimedValue
from aftersend.ledger.sealed_part import decode_sealed_part, encode_sealed_part

NOW = 1_795_000_000_000
DHL = (
    "00340434161094042557",
    "https://www.dhl.de/de/privatkunden/sendungsverfolgung.html?piececode=00340434161094042557",
    "dhl",
)
DPD = ("01234567890123", "https://tracking.dpd.de/status/de_DE/parcel/01234567890123", "dpd")
GLS = ("12345678901", "", "gls_de")

_values = st.builds(TimedValue, value=st.text(max_size=400), time=st.integers(-1, NOW), assumed=st.booleans())
_details = st.dictionaries(
    st.integers(1, 10**12).map(str), st.builds(ParcelDetails, number=_values, url=_values, carrier=_values), max_size=4
)


def of(*parcels: tuple[str, str, str]) -> dict[str, ParcelDetails]:
    return {
        str(412_345_670 + place): ParcelDetails(*(TimedValue(text, NOW) for text in texts if text))
        for place, texts in enumerate(parcels)
    }


@given(details=_details)
def test_everything_comes_back(details: dict[str, ParcelDetails]) -> None:
    plain = encode_sealed_part(details)
    assert decode_sealed_part(plain) == details
    assert len(plain) % (512 * max(len(details), 1)) == (0 if details else 1)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_length_follows_from_the_number_of_parcels(count: int) -> None:
    lengths = {len(encode_sealed_part(of(*[carrier] * count))) for carrier in (DHL, DPD, GLS, ("", "", ""))}
    assert lengths == {512 * count}


@pytest.mark.parametrize("length", range(280, 300))
def test_no_length_of_a_link_is_one_byte_off(length: int) -> None:
    """The header of the padding has one length for all paddings."""
    assert len(encode_sealed_part(of(("1", "x" * length, "dhl")))) % 512 == 0


def test_what_earlier_releases_wrote_is_read_and_they_read_this() -> None:
    """They decode the same type from unfilled bytes, and skip fields that they do not know."""
    details = of(DHL, DPD)
    assert decode_sealed_part(msgspec.msgpack.encode(details)) == details
    assert msgspec.msgpack.decode(encode_sealed_part(details), type=dict[str, ParcelDetails]) == details


def test_nonsense_is_a_decode_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_sealed_part(b"\xc1")
