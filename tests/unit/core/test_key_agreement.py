"""Key agreement: what both sides derive, what is refused, what is remembered."""

import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base

from aftersend import key_agreement
from aftersend.key_agreement import PublicKeyError, ReceivedKeys, agree, is_usable, public_half

FIELD_PRIME = 2**255 - 19
LOW_ORDER = {
    "0, order 4": 0,
    "1, order 1": 1,
    "order 8, the first": 325606250916557431795983626356110631294008115727848805560023387167927233504,
    "order 8, the second": 39382357235489614581723060781553021112529911719440698176882885853963445705823,
    "p - 1, order 2": FIELD_PRIME - 1,
    "p, read as 0": FIELD_PRIME,
    "p + 1, read as 1": FIELD_PRIME + 1,
}


def point(number: int, *, high_bit: bool = False) -> bytes:
    return (number + (high_bit << 255)).to_bytes(32, "little")


@pytest.mark.parametrize("high_bit", [False, True])
@pytest.mark.parametrize("number", LOW_ORDER.values(), ids=LOW_ORDER.keys())
def test_points_of_low_order_are_refused_by_both_sides(number: int, *, high_bit: bool) -> None:
    public = point(number, high_bit=high_bit)
    assert not is_usable(public)
    with pytest.raises(PublicKeyError):
        agree(public)
    with pytest.raises(PublicKeyError):
        ReceivedKeys().find(bytes(32), public)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_other_lengths_are_no_points(length: int) -> None:
    assert not is_usable(b"\x09" * length)
    with pytest.raises(PublicKeyError):
        ReceivedKeys().find(bytes(32), b"\x09" * length)


@given(data_key=st.binary(min_size=32, max_size=32))
def test_both_sides_agree(data_key: bytes) -> None:
    sent, key = agree(public_half(data_key))
    assert ReceivedKeys().find(data_key, sent) == key
    assert key not in (data_key, sent, public_half(data_key))


def test_every_agreement_is_another_one() -> None:
    public = public_half(bytes(32))
    assert len({agree(public) for _ in range(20)}) == 20


def test_another_data_key_gives_another_key() -> None:
    sent, key = agree(public_half(b"a" * 32))
    assert ReceivedKeys().find(b"b" * 32, sent) != key


def test_another_encoding_of_the_same_point_gives_another_key() -> None:
    """X25519 ignores the highest bit, so the shared secret is the same; the AEAD key must not be."""
    sent, key = agree(public_half(b"a" * 32))
    assert ReceivedKeys().find(b"a" * 32, sent[:-1] + bytes([sent[-1] ^ 0x80])) != key


def test_known_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Computed here from the primitives alone: stored events depend on every byte of it."""
    data_key, ephemeral = bytes(range(32)), bytes(range(32, 64))
    private = hashlib.blake2b(key=data_key, person=b"aftersend priv 1", digest_size=32).digest()
    public, sent = crypto_scalarmult_base(private), crypto_scalarmult_base(ephemeral)
    shared = crypto_scalarmult(ephemeral, public)
    key = hashlib.blake2b(shared + sent + public, person=b"aftersend aead 1", digest_size=32).digest()
    monkeypatch.setattr(key_agreement.os, "urandom", lambda _: ephemeral)
    assert public_half(data_key) == public
    assert agree(public) == (sent, key)
    assert ReceivedKeys().find(data_key, sent) == key
    assert public.hex() == "c7df3db75f817435fccb62d8feef503796760761ca311c6b036b9c2bb9e42b71"
    assert key.hex() == "61fb1a42bde66cab63b79d7ef2f64699553a49801d22bf8a49f84825cdba80c6"


def test_what_opened_something_costs_no_second_agreement(monkeypatch: pytest.MonkeyPatch) -> None:
    received, (sent, key) = ReceivedKeys(), agree(public_half(b"a" * 32))
    received.remember(b"a" * 32, sent, key)
    monkeypatch.setattr(key_agreement, "crypto_scalarmult", None)
    assert received.find(b"a" * 32, sent) == key


def test_forged_keys_displace_none_in_use() -> None:
    received, (sent, key) = ReceivedKeys(), agree(public_half(b"a" * 32))
    received.remember(b"a" * 32, sent, key)
    for _ in range(3):
        received.find(b"a" * 32, os.urandom(32))
    assert len(received._known) == 1
    for _ in range(key_agreement._REMEMBERED):
        received.find(b"a" * 32, sent)
        received.remember(b"a" * 32, os.urandom(32), b"k")
    assert len(received._known) == key_agreement._REMEMBERED
    assert (b"a" * 32, sent) in received._known
