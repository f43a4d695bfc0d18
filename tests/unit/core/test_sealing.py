"""Sealing: what opens, what does not, and which key seals when."""

import base64
import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.errors import Misconfigured, Rejected, Transient
from aftersend.key_files import make_data_keys
from aftersend.sealing import FINGERPRINT, Keyring, UnknownKey, WrongSeal, bind, padded
from aftersend.secrets import SecretFiles

BOUND = bind("tenant", "parcels")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data-key"


def write_key(folder: Path, name: str, key: bytes | None = None) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(base64.b64encode(key or os.urandom(32)) + b"\n")


def keyring(folder: Path, clock: Clock) -> Keyring:
    return Keyring(SecretFiles(folder), clock=clock)


def test_what_was_sealed_opens_again(folder: Path, clock: Clock) -> None:
    write_key(folder, "20261124")
    ring = keyring(folder, clock)
    sealed = ring.seal("Müller".encode(), bound=BOUND)
    assert sealed.startswith(b"20261124:")
    assert b"ller" not in sealed
    assert ring.open(sealed, bound=BOUND) == "Müller".encode()
    assert ring.seal(b"", bound=BOUND) != ring.seal(b"", bound=BOUND)


def test_it_opens_nowhere_else(folder: Path, clock: Clock) -> None:
    write_key(folder, "20261124")
    ring = keyring(folder, clock)
    sealed = ring.seal(b"x", bound=BOUND)
    with pytest.raises(WrongSeal) as caught:
        ring.open(sealed, bound=bind("tenant", "runs"))
    assert isinstance(caught.value, Rejected)


@given(position=st.integers(0, 70), bit=st.integers(0, 7))
def test_a_flipped_bit_never_opens(tmp_path_factory: pytest.TempPathFactory, position: int, bit: int) -> None:
    folder = tmp_path_factory.mktemp("keys") / "data-key"
    write_key(folder, "20261124", b"k" * 32)
    ring = keyring(folder, Clock())
    sealed = bytearray(ring.seal(b"x" * 22, bound=BOUND))
    sealed[position] ^= 1 << bit
    with pytest.raises((WrongSeal, UnknownKey)):
        ring.open(bytes(sealed), bound=BOUND)


@pytest.mark.parametrize("sealed", [b"", b"x", b"20261124", b":", b"2026-1:abc", b"20261124:", b"20261124:short"])
def test_nonsense_is_a_wrong_seal(folder: Path, clock: Clock, sealed: bytes) -> None:
    write_key(folder, "20261124")
    with pytest.raises(WrongSeal):
        keyring(folder, clock).open(sealed, bound=BOUND)


def test_an_unknown_key_is_transient_and_opens_once_it_is_there(folder: Path, tmp_path: Path, clock: Clock) -> None:
    key = os.urandom(32)
    write_key(tmp_path / "other", "20261201", key)
    sealed = keyring(tmp_path / "other", clock).seal(b"x", bound=BOUND)
    write_key(folder, "20261124")
    ring = keyring(folder, clock)
    with pytest.raises(UnknownKey) as caught:
        ring.open(sealed, bound=BOUND)
    assert isinstance(caught.value, Transient)
    write_key(folder, "20261201", key)
    clock.now += 5
    assert ring.open(sealed, bound=BOUND) == b"x"


def test_a_single_key_seals_at_once(folder: Path, clock: Clock) -> None:
    write_key(folder, "20261124")
    assert keyring(folder, clock).key_id() == "20261124"


def test_a_newcomer_beside_an_older_key_seals_after_ten_minutes(folder: Path, clock: Clock) -> None:
    write_key(folder, "20261124")
    ring = keyring(folder, clock)
    ring.check()
    write_key(folder, "20261201")
    clock.now += 5
    assert ring.key_id() == "20261124"
    clock.now += 599
    assert ring.key_id() == "20261124"
    clock.now += 2
    assert ring.key_id() == "20261201"


def test_a_newcomer_that_is_left_alone_seals_at_once(folder: Path, clock: Clock) -> None:
    write_key(folder, "20261124")
    ring = keyring(folder, clock)
    ring.check()
    write_key(folder, "20261201")
    (folder / "20261124").unlink()
    clock.now += 5
    assert ring.key_id() == "20261201"


def test_a_fresh_process_cannot_know_how_old_a_key_is(folder: Path, clock: Clock) -> None:
    write_key(folder, "20261124")
    write_key(folder, "20261201")
    ring = keyring(folder, clock)
    assert ring.key_id() == "20261124"
    clock.now += 601
    assert ring.key_id() == "20261201"


def test_numbers_of_one_day_are_numbers(folder: Path, clock: Clock) -> None:
    for name in ("20261124", "20261124-2", "20261124-10"):
        write_key(folder, name)
    ring = keyring(folder, clock)
    ring.check()
    clock.now += 601
    assert ring.key_id() == "20261124-10"


def test_other_names_are_ignored(folder: Path, clock: Clock) -> None:
    write_key(folder, "20261124")
    for name in ("99999999.bak", "README", "2026", "20261124-", ".20270101", "20261124-x"):
        (folder / name).write_text("nonsense")
    ring = keyring(folder, clock)
    ring.check()
    assert ring.key_id() == "20261124"


@pytest.mark.parametrize("text", ["", "nonsense!", base64.b64encode(b"x" * 31).decode(), "YWJj", "ü"])
def test_a_broken_key_file_is_named(folder: Path, clock: Clock, text: str) -> None:
    folder.mkdir()
    (folder / "20261124").write_text(text)
    ring = keyring(folder, clock)
    for use in (ring.check, lambda: ring.seal(b"x", bound=BOUND)):
        with pytest.raises(Misconfigured, match="data-key/20261124"):
            use()


def test_unpadded_base64_is_broken(folder: Path, clock: Clock) -> None:
    folder.mkdir()
    (folder / "20261124").write_bytes(base64.b64encode(b"x" * 32).rstrip(b"="))
    with pytest.raises(Misconfigured):
        keyring(folder, clock).check()


def test_a_file_that_breaks_later_stops_no_service_but_is_reported(folder: Path, clock: Clock) -> None:
    write_key(folder, "20261124")
    ring = keyring(folder, clock)
    sealed = ring.seal(b"x", bound=BOUND)
    (folder / "20261124").write_text("half")
    write_key(folder, "20261201")
    (folder / "20261202").write_text("broken")
    clock.now += 5
    assert ring.open(sealed, bound=BOUND) == b"x"
    assert ring.open(ring.seal(b"y", bound=BOUND), bound=BOUND) == b"y"
    with pytest.raises(Misconfigured, match=r"data-key/2026120[0-9]"):
        ring.check()


@pytest.mark.parametrize("exists", [True, False])
def test_without_any_key_nothing_is_sealed(folder: Path, clock: Clock, *, exists: bool) -> None:
    if exists:
        folder.mkdir()
    with pytest.raises(Misconfigured, match="no data key in data-key/"):
        keyring(folder, clock).seal(b"x", bound=BOUND)


def test_macs_are_stable_keyed_and_separated_by_purpose(folder: Path, tmp_path: Path, clock: Clock) -> None:
    make_data_keys(folder)
    make_data_keys(tmp_path / "other")
    ring = keyring(folder, clock)
    mark = ring.mac(b"x", purpose="number")
    assert len(mark) == 32
    write_key(folder, "29991231")
    assert keyring(folder, clock).mac(b"x", purpose="number") == mark
    assert ring.mac(b"x", purpose="order") != mark
    assert keyring(tmp_path / "other", clock).mac(b"x", purpose="number") != mark


def test_a_missing_or_broken_fingerprint_is_named(folder: Path, clock: Clock) -> None:
    write_key(folder, "20261124")
    ring = keyring(folder, clock)
    ring.check()
    with pytest.raises(Misconfigured, match="data-key/fingerprint"):
        ring.check(fingerprint=True)
    with pytest.raises(Misconfigured, match="data-key/fingerprint"):
        ring.mac(b"x", purpose="p")
    (folder / FINGERPRINT).write_text("broken")
    with pytest.raises(Misconfigured, match="data-key/fingerprint"):
        ring.check()


def test_bound_texts_never_run_together() -> None:
    assert bind("ab", "c") != bind("a", "bc")
    assert bind("a", "") != bind("a")
    assert bind("1:a,") != bind("1", "a")


def test_keys_are_made_once_and_for_the_owner_only(folder: Path, clock: Clock) -> None:
    make_data_keys(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    make_data_keys(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert len(before) == 2
    assert FINGERPRINT in before
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    keyring(folder, clock).check(fingerprint=True)


def test_only_what_is_missing_is_made(folder: Path) -> None:
    write_key(folder, "20200101")
    make_data_keys(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["20200101", FINGERPRINT]


def test_a_folder_that_cannot_be_listed_keeps_the_keys_and_is_reported(
    folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_key(folder, "20261124")
    ring = keyring(folder, clock)
    sealed = ring.seal(b"x", bound=BOUND)

    def fails(_self: Path) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    clock.now += 10
    with monkeypatch.context() as lack:
        lack.setattr(Path, "iterdir", fails)
        assert ring.open(sealed, bound=BOUND) == b"x"
        assert ring.open(ring.seal(b"y", bound=BOUND), bound=BOUND) == b"y"
        with pytest.raises(Misconfigured, match="data-key cannot be read"):
            ring.check()
    ring.check()


@pytest.mark.parametrize(("length", "filled"), [(1, 512), (511, 512), (512, 512), (513, 1024)])
def test_lengths_are_filled_up(length: int, filled: int) -> None:
    assert len(padded(b"1" * length)) == filled
    assert padded(b"1" * length).rstrip() == b"1" * length
