"""Who can open: key pairs, the file of recipients, and the five words."""

from pathlib import Path

import pytest

from aftersend.errors import Misconfigured
from aftersend.handover.recipients import (
    AgeRecipient,
    fingerprint,
    make_identity,
    read_identities,
    read_recipients,
    words,
)
from tests.support.handover_kit import two_recipients

ANNA = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa"
BEN = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


def test_the_private_key_is_readable_by_its_owner_only_and_never_replaced(tmp_path: Path) -> None:
    made = make_identity(tmp_path / "anna.agekey", "anna")
    assert (tmp_path / "anna.agekey").stat().st_mode & 0o777 == 0o600
    (identity,) = read_identities(tmp_path / "anna.agekey")
    assert str(identity.to_public()) == made.key
    with pytest.raises(Misconfigured, match="a file already"):
        make_identity(tmp_path / "anna.agekey", "anna")


def test_names_stand_above_keys(tmp_path: Path) -> None:
    (tmp_path / "all").write_text(f"# Anna\n{ANNA}\n\n{BEN}\n{BEN}\n# the last one left\n")
    assert read_recipients(tmp_path / "all") == [AgeRecipient(ANNA, "Anna"), AgeRecipient(BEN)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 public keys"),
        ("# Anna\n", "0 public keys"),
        (f"{ANNA}\nage1nonsense\n", ":2"),
        (f"{ANNA[:-1]}q\n", "no public key"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJnE\n", "no public key"),
        ("\ufffe\ud7ff", "no public key"),
    ],
)
def test_a_file_that_holds_something_else_is_refused_by_its_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "all").write_text(text)
    with pytest.raises(Misconfigured) as caught:
        read_recipients(tmp_path / "all")
    assert said in str(caught.value)
    assert "nonsense" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"# only a comment\n", b"AGE-SECRET-KEY-1NONSENSE\n", b"\xff\xfe"])
def test_a_file_without_a_private_key_is_refused(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(Misconfigured) as caught:
        read_identities(tmp_path / "key")
    assert "NONSENSE" not in str(caught.value)


def test_the_words_stand_for_the_keys_and_not_for_names_or_order() -> None:
    words_of_both = "Katze Hammer Linde Kirche Kessel"
    assert fingerprint([AgeRecipient(ANNA), AgeRecipient(BEN)]) == words_of_both
    assert fingerprint([AgeRecipient(BEN, "b"), AgeRecipient(ANNA, "a")]) == words_of_both
    assert fingerprint([AgeRecipient(ANNA)]) != fingerprint([AgeRecipient(BEN)])


def test_each_byte_has_a_word_of_its_own() -> None:
    assert len(set(words())) == 256


def test_recipients_of_the_kit_are_read_as_they_were_made(tmp_path: Path) -> None:
    made = two_recipients(tmp_path)
    assert [each.key for each in read_recipients(made.file)] == made.keys
