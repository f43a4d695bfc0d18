"""Sealing with a public key: who opens it, which key seals when, and what an attacker may put in its place."""

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend import key_agreement, sealing
from aftersend.errors import Misconfigured, Transient
from aftersend.key_agreement import public_half
from aftersend.key_files import foreign_seal_keys, write_seal_keys
from aftersend.sealing import Keyring, SealKeyring, UnknownKey, WrongSeal, bind, key_id_of
from aftersend.secrets import SecretFiles
from aftersend_operator.manifests.generated_secrets import seal_keys

BOUND = bind("tenant", "parcels")
OLD, NEW = "20261124", "20261201"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def write_key(folder: Path, name: str, key: bytes | None = None) -> bytes:
    folder.mkdir(exist_ok=True, parents=True)
    key = key or os.urandom(32)
    (folder / name).write_bytes(base64.b64encode(key) + b"\n")
    return key


def sealer(secrets: Path, clock: Clock) -> SealKeyring:
    return SealKeyring(SecretFiles(secrets / "seal-key"), SecretFiles(secrets / "data-key"), clock=clock)


def opener(secrets: Path, clock: Clock) -> Keyring:
    return Keyring(SecretFiles(secrets / "data-key"), clock=clock)


def webhooks_folder(tmp_path: Path, **keys: bytes) -> Path:
    """The secrets of a webhook that has seal keys only; names without the leading letter."""
    for name, key in keys.items():
        write_key(tmp_path / "webhook" / "seal-key", name[1:], public_half(key))
    return tmp_path / "webhook"


@given(plain=st.binary(max_size=2000), bound=st.binary(max_size=50))
def test_whatever_is_sealed_opens_again_and_nowhere_else(
    tmp_path_factory: pytest.TempPathFactory, plain: bytes, bound: bytes
) -> None:
    folder = tmp_path_factory.mktemp("keys")
    write_key(folder / "data-key", OLD)
    sealed = sealer(folder, Clock()).seal(plain, bound=bound)
    ring = opener(folder, Clock())
    assert sealed.startswith(b"20261124!")
    assert key_id_of(sealed) == OLD
    assert len(sealed) == len("20261124!") + 32 + 24 + len(plain) + 16
    assert ring.open(sealed, bound=bound, public=True) == plain
    with pytest.raises(WrongSeal):
        ring.open(sealed, bound=bound + b"x", public=True)


def test_the_seal_key_alone_opens_nothing(tmp_path: Path, clock: Clock) -> None:
    """Every key that its folder holds or derives is tried, also as the data key."""
    key = os.urandom(32)
    webhook = webhooks_folder(tmp_path, _20261124=key)
    ring = sealer(webhook, clock)
    sealed = ring.seal(b"x", bound=BOUND)
    with pytest.raises(UnknownKey):
        opener(webhook, clock).open(sealed, bound=BOUND, public=True)
    for tried in (public_half(key), sealed[9:41], public_half(public_half(key))):
        write_key(tmp_path / "tried" / "data-key", OLD, tried)
        with pytest.raises(WrongSeal):
            opener(tmp_path / "tried", Clock()).open(sealed, bound=BOUND, public=True)
    assert not hasattr(ring, "open")


def test_nothing_that_opens_stays_in_memory_but_the_key_of_ten_minutes(tmp_path: Path, clock: Clock) -> None:
    ring = sealer(webhooks_folder(tmp_path, _20261124=os.urandom(32)), clock)
    first = ring.seal(b"x", bound=BOUND)
    known = ring._agreement
    clock.now += 599
    assert ring.seal(b"x", bound=BOUND)[:41] == first[:41]
    clock.now += 2
    assert ring.seal(b"x", bound=BOUND)[:41] != first[:41]
    assert ring._agreement is not None
    assert known is not None
    assert ring._agreement.key != known.key
    clock.now -= 7200
    assert ring._agreement is not None
    ring.seal(b"x", bound=BOUND)
    assert ring._agreement.since == clock.now


def test_one_agreement_serves_many_values_on_both_sides(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    real = key_agreement.crypto_scalarmult
    write_key(tmp_path / "data-key", OLD)
    ring, opening = sealer(tmp_path, clock), opener(tmp_path, clock)
    monkeypatch.setattr(key_agreement, "crypto_scalarmult", lambda *a: calls.append(1) or real(*a))
    for _ in range(50):
        assert opening.open(ring.seal(b"x", bound=BOUND), bound=BOUND, public=True) == b"x"
    assert len(calls) == 2


def test_without_seal_keys_they_derive_from_data_keys(tmp_path: Path, clock: Clock) -> None:
    key = write_key(tmp_path / "data-key", OLD)
    derived = sealer(tmp_path, clock)
    write_seal_keys(tmp_path)
    assert (tmp_path / "seal-key" / OLD).read_text().strip() == base64.b64encode(public_half(key)).decode()
    for ring in (derived, sealer(tmp_path, clock)):
        ring.check()
        assert opener(tmp_path, clock).open(ring.seal(b"x", bound=BOUND), bound=BOUND, public=True) == b"x"


def test_the_operator_and_up_write_the_same_halves(tmp_path: Path) -> None:
    data = {name: base64.b64encode(write_key(tmp_path / "data-key", name)) for name in (OLD, NEW, f"{NEW}-2")}
    write_seal_keys(tmp_path)
    assert seal_keys(data) == {name: (tmp_path / "seal-key" / name).read_bytes().strip() for name in data}


def test_a_newcomer_seals_after_ten_minutes(tmp_path: Path, clock: Clock) -> None:
    webhook = webhooks_folder(tmp_path, _20261124=os.urandom(32))
    ring = sealer(webhook, clock)
    assert key_id_of(ring.seal(b"", bound=BOUND)) == OLD
    webhooks_folder(tmp_path, _20261201=os.urandom(32))
    for seconds, expected in ((5, OLD), (590, OLD), (10, NEW)):
        clock.now += seconds
        assert key_id_of(ring.seal(b"", bound=BOUND)) == expected
    (webhook / "seal-key" / OLD).unlink()
    clock.now += 5
    assert key_id_of(ring.seal(b"", bound=BOUND)) == NEW


def test_a_key_that_is_exchanged_under_its_name_is_used(tmp_path: Path, clock: Clock) -> None:
    ring = sealer(webhooks_folder(tmp_path, _20261124=os.urandom(32)), clock)
    ring.seal(b"", bound=BOUND)
    key = write_key(tmp_path / "data-key", OLD)
    webhooks_folder(tmp_path, _20261124=key)
    clock.now += 5
    assert opener(tmp_path, clock).open(ring.seal(b"x", bound=BOUND), bound=BOUND, public=True) == b"x"


@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", base64.b64encode(b"x" * 31), base64.b64encode(bytes(32)), base64.b64encode(b"\x01" + bytes(31))],
)
def test_a_broken_or_poisoned_seal_key_seals_nothing(tmp_path: Path, clock: Clock, content: bytes) -> None:
    """A public key of low order would make the AEAD key a known one."""
    (tmp_path / "seal-key").mkdir()
    (tmp_path / "seal-key" / OLD).write_bytes(content)
    write_key(tmp_path / "data-key", OLD)
    ring = sealer(tmp_path, clock)
    for use in (ring.check, lambda: ring.seal(b"x", bound=BOUND)):
        with pytest.raises(Misconfigured, match="seal-key/20261124"):
            use()


def test_a_seal_key_that_breaks_later_stays_in_use(tmp_path: Path, clock: Clock) -> None:
    key = write_key(tmp_path / "data-key", OLD)
    webhook = webhooks_folder(tmp_path, _20261124=key)
    ring = sealer(webhook, clock)
    ring.seal(b"x", bound=BOUND)
    (webhook / "seal-key" / OLD).write_text("half")
    clock.now += 5
    assert opener(tmp_path, clock).open(ring.seal(b"x", bound=BOUND), bound=BOUND, public=True) == b"x"
    with pytest.raises(Misconfigured, match="seal-key/20261124"):
        ring.check()


def test_without_any_key_nothing_is_sealed(tmp_path: Path, clock: Clock) -> None:
    for use in (sealer(tmp_path, clock).check, lambda: sealer(tmp_path, clock).seal(b"x", bound=BOUND)):
        with pytest.raises(Misconfigured, match="no data key in data-key/"):
            use()


def test_both_forms_open_side_by_side(tmp_path: Path, clock: Clock) -> None:
    write_key(tmp_path / "data-key", OLD)
    ring = opener(tmp_path, clock)
    for sealed in (ring.seal(b"x", bound=BOUND), sealer(tmp_path, clock).seal(b"x", bound=BOUND)):
        assert ring.open(sealed, bound=BOUND, public=True) == b"x"


def test_a_public_seal_counts_only_where_the_webhook_writes(tmp_path: Path, clock: Clock) -> None:
    """Who knows the seal key could forge ledgers and backups with it."""
    write_key(tmp_path / "data-key", OLD)
    with pytest.raises(WrongSeal):
        opener(tmp_path, clock).open(sealer(tmp_path, clock).seal(b"x", bound=BOUND), bound=BOUND)


def test_an_unknown_key_is_transient(tmp_path: Path, clock: Clock) -> None:
    key = os.urandom(32)
    webhook = webhooks_folder(tmp_path, _20261201=key)
    write_key(tmp_path / "data-key", OLD)
    sealed, ring = sealer(webhook, clock).seal(b"x", bound=BOUND), opener(tmp_path, clock)
    with pytest.raises(UnknownKey) as caught:
        ring.open(sealed, bound=BOUND, public=True)
    assert isinstance(caught.value, Transient)
    write_key(tmp_path / "data-key", NEW, key)
    clock.now += 5
    assert ring.open(sealed, bound=BOUND, public=True) == b"x"


@given(position=st.integers(0, 102), bit=st.integers(0, 7))
def test_a_flipped_bit_never_opens(tmp_path_factory: pytest.TempPathFactory, position: int, bit: int) -> None:
    folder = tmp_path_factory.mktemp("keys")
    write_key(folder / "data-key", OLD, b"k" * 32)
    sealed = bytearray(sealer(folder, Clock()).seal(b"x" * 22, bound=BOUND))
    sealed[position] ^= 1 << bit
    with pytest.raises((WrongSeal, UnknownKey)):
        opener(folder, Clock()).open(bytes(sealed), bound=BOUND, public=True)


def test_truncated_forged_and_poisoned_values_are_wrong_for_good(tmp_path: Path, clock: Clock) -> None:
    key = write_key(tmp_path / "data-key", OLD)
    sealed, ring = sealer(tmp_path, clock).seal(b"x" * 22, bound=BOUND), opener(tmp_path, clock)
    assert ring.open(sealed, bound=BOUND, public=True)
    prefix, rest = sealed[:9], sealed[9:]
    known = sealing._encrypt(b"x", BOUND, key_agreement._aead_key(bytes(32), bytes(32), public_half(key)))
    forged = {
        "truncated": [prefix + rest[:length] for length in range(len(rest))],
        "low order, key of a zero secret": [prefix + bytes(32) + known],
        "low order, the rest kept": [prefix + b"\x01" + bytes(31) + rest[32:]],
        "another ephemeral key": [prefix + os.urandom(32) + rest[32:]],
        "the highest bit of the ephemeral key": [prefix + rest[:31] + bytes([rest[31] ^ 0x80]) + rest[32:]],
        "the other form": [b"20261124:" + rest, b"20261124:" + rest[32:]],
        "a data key's value in this form": [prefix + ring.seal(b"x", bound=BOUND)[9:]],
        "the seal key as ephemeral key": [prefix + public_half(key) + rest[32:]],
        "noise": [prefix + os.urandom(length) for length in (0, 31, 32, 55, 56, 72, 200)],
    }
    for values in forged.values():
        for value in values:
            with pytest.raises(WrongSeal):
                ring.open(value, bound=BOUND, public=True)
    assert ring.open(sealed, bound=BOUND, public=True) == b"x" * 22
    assert len(ring._received._known) == 1, "what opens nothing is not remembered"


def written(file: Path) -> tuple[int, int]:
    """Return inode and time of the last write: both stay while a file is only read."""
    found = file.stat()
    return found.st_ino, found.st_mtime_ns


def test_the_files_follow_the_data_keys(tmp_path: Path) -> None:
    write_seal_keys(tmp_path)
    assert not (tmp_path / "seal-key").exists()
    write_key(tmp_path / "data-key", OLD)
    write_key(tmp_path / "data-key", "fingerprint")
    write_seal_keys(tmp_path)
    kept = written(tmp_path / "seal-key" / OLD)
    write_key(tmp_path / "data-key", NEW)
    (tmp_path / "seal-key" / NEW).write_text("planted")
    (tmp_path / "seal-key" / "20250101").write_bytes(base64.b64encode(public_half(b"a" * 32)))
    (tmp_path / "seal-key" / f".{NEW}.{os.getpid()}").write_text("of a killed process")
    assert sorted(foreign_seal_keys(tmp_path)) == ["20250101", NEW]
    write_seal_keys(tmp_path)
    assert foreign_seal_keys(tmp_path) == []
    assert sorted(path.name for path in (tmp_path / "seal-key").iterdir()) == [OLD, NEW]
    assert written(tmp_path / "seal-key" / OLD) == kept
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "seal-key").iterdir()} == {0o600}
    (tmp_path / "data-key" / OLD).write_text("half")
    write_seal_keys(tmp_path)
    assert sorted(path.name for path in (tmp_path / "seal-key").iterdir()) == [OLD, NEW]
    (tmp_path / "data-key" / OLD).unlink()
    write_seal_keys(tmp_path)
    assert [path.name for path in (tmp_path / "seal-key").iterdir()] == [NEW]


def test_known_answer(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value as it lies in Redis: every later release must open it."""
    write_key(tmp_path / "data-key", OLD, bytes(range(32)))
    monkeypatch.setattr(os, "urandom", lambda count: bytes(range(32, 32 + count)))
    sealed = sealer(tmp_path, clock).seal(b"0034043416109404", bound=bind("shop", "parcels", "parcel.changed", "1"))
    assert sealed.hex() == (
        "323032363131323421358072d6365880d1aeea329adf9121383851ed21a28e3b"
        "75e965d0d2cd166254202122232425262728292a2b2c2d2e2f30313233343536"
        "379084d9c09f9782249e18f5b384ce3524071235fedee3c5e8b6dc18304b632e"
        "79"
    )
    assert opener(tmp_path, clock).open(sealed, bound=bind("shop", "parcels", "parcel.changed", "1"), public=True)
