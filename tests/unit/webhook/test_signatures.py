"""Signatures of webhooks: the documented vector, several keys, and everything that must not pass."""

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.errors import Misconfigured
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.credentials import SignatureKeys
from aftersend_webhook.signatures import is_signed

BODY = b'{"key": "value"}'
VECTOR = "1eed4b3d"  # how Sendcloud's documentation abbreviates it: 1eed4b3d…da4b0a


def signature(body: bytes = BODY, key: bytes = b"secretkey") -> str:
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def test_the_documented_vector_fits() -> None:
    assert signature().startswith(VECTOR)
    assert signature().endswith("da4b0a")
    assert is_signed(BODY, signature(), (b"secretkey",))


@pytest.mark.parametrize("keys", [(b"secretkey", b"other"), (b"other", b"secretkey"), (b"a", b"b", b"secretkey")])
def test_any_of_the_keys_may_have_signed(keys: tuple[bytes, ...]) -> None:
    assert is_signed(BODY, signature(), keys)


@pytest.mark.parametrize("given", [signature().upper(), f" {signature()} "])
def test_letter_case_and_space_do_not_matter(given: str) -> None:
    assert is_signed(BODY, given, (b"secretkey",))


@pytest.mark.parametrize(
    "given",
    [
        "",
        "0",
        signature()[:-1],
        signature() + "0",
        signature(key=b"other"),
        f"sha256={signature()}",
        "ü" * 64,
        "\udcff",
    ],
)
def test_anything_else_does_not_pass(given: str) -> None:
    assert not is_signed(BODY, given, (b"secretkey", b"another"))


def test_not_even_a_space_may_change() -> None:
    assert not is_signed(b'{"key":"value"}', signature(), (b"secretkey",))


def test_without_a_key_nothing_is_signed() -> None:
    assert not is_signed(BODY, signature(key=b""), ())


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=40))
def test_only_the_right_key_passes(body: bytes, key: bytes, other: bytes) -> None:
    given = signature(body, key)
    assert is_signed(body, given, (other, key))
    # HMAC fills keys up with zeros, so those that differ in trailing zeros only are one key
    if key.rstrip(b"\0") != other.rstrip(b"\0"):
        assert not is_signed(body, given, (other,))


LONG, OTHER = "a-key-of-16-chars", "another-key-of-16"


def keys(folder: Path) -> tuple[bytes, ...]:
    return SignatureKeys.read(SecretFiles(folder)).usable


def test_every_line_of_both_files_is_a_key(tmp_path: Path) -> None:
    (tmp_path / "webhookSignatureKey").write_text(f"{LONG}\n{OTHER}\n\n")
    (tmp_path / "secretKey").write_text(f"  secret  \r\n{OTHER}\n")
    assert keys(tmp_path) == (LONG.encode(), OTHER.encode(), b"secret")
    SignatureKeys.read(SecretFiles(tmp_path)).check()


@pytest.mark.parametrize("content", [None, b"", b"  \n\n", b"\xff\xfe"])
def test_no_usable_key_is_a_misconfiguration(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "secretKey").write_bytes(content)
    assert keys(tmp_path) == ()
    with pytest.raises(Misconfigured, match="no key to verify webhooks"):
        SignatureKeys.read(SecretFiles(tmp_path)).check()


def test_an_unreadable_file_leaves_the_other_in_use(tmp_path: Path) -> None:
    (tmp_path / "webhookSignatureKey").write_bytes(b"\xff")
    (tmp_path / "secretKey").write_text("secret")
    assert keys(tmp_path) == (b"secret",)


@pytest.mark.parametrize("short", ["x", "fifteen-letters", "ü" * 15])
def test_a_short_signature_key_is_no_key(tmp_path: Path, short: str) -> None:
    (tmp_path / "webhookSignatureKey").write_text(f"{short}\n{LONG}\n")
    found = SignatureKeys.read(SecretFiles(tmp_path))
    assert (found.usable, found.too_short) == ((LONG.encode(),), 1)
    (tmp_path / "webhookSignatureKey").write_text(short)
    with pytest.raises(Misconfigured, match="1 in webhookSignatureKey too short"):
        SignatureKeys.read(SecretFiles(tmp_path)).check()


def test_no_key_is_shown(tmp_path: Path) -> None:
    (tmp_path / "secretKey").write_text("secret")
    assert "secret" not in repr(SignatureKeys.read(SecretFiles(tmp_path)))
