"""Signatures of webhooks: the documented vector, several keys, and everything that must not pass."""

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.errors import Misconfigured
from aftersend.secrets import SecretFiles
from aftersend_webhook.signatures import check_keys, is_signed, signature_keys

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


def test_every_line_of_both_files_is_a_key(tmp_path: Path) -> None:
    (tmp_path / "webhookSignatureKey").write_text("new\nold\n\n")
    (tmp_path / "secretKey").write_text("  secret  \r\nold\n")
    files = SecretFiles(tmp_path)
    assert signature_keys(files) == (b"new", b"old", b"secret")
    check_keys(files)


@pytest.mark.parametrize("content", [None, b"", b"  \n\n", b"\xff\xfe"])
def test_no_usable_key_is_a_misconfiguration(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "secretKey").write_bytes(content)
    files = SecretFiles(tmp_path)
    assert signature_keys(files) == ()
    with pytest.raises(Misconfigured):
        check_keys(files)


def test_an_unreadable_file_leaves_the_other_in_use(tmp_path: Path) -> None:
    (tmp_path / "webhookSignatureKey").write_bytes(b"\xff")
    (tmp_path / "secretKey").write_text("secret")
    assert signature_keys(SecretFiles(tmp_path)) == (b"secret",)
