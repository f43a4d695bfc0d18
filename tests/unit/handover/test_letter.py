"""What comes back from a merchant: through mail programs, incomplete, for others, too old, or something else."""

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.errors import Misconfigured
from aftersend.handover.contents import SealedCredentials
from aftersend.handover.letter import open_letter, rearmored
from aftersend.handover.recipients import make_identity, read_identities
from tests.support.handover_kit import AFTERBUY, NOW, SENDCLOUD, Recipients, document, sealed, two_recipients

CANARIES = [*AFTERBUY.values(), *SENDCLOUD.values()]


@pytest.fixture
def recipients(tmp_path: Path) -> Recipients:
    return two_recipients(tmp_path)


def opened(text: str | bytes, recipients: Recipients, *, tenant: str = "mueller", **options: Any) -> SealedCredentials:
    file = recipients.file.with_name("letter.age")
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    identities = read_identities(recipients.identities[1])
    return open_letter(file, tenant=tenant, identities=identities, now=NOW, **options)


def refused(text: str | bytes, recipients: Recipients, **options: Any) -> str:
    with pytest.raises(Misconfigured) as caught:
        opened(text, recipients, **options)
    said = str(caught.value)
    assert caught.value.__cause__ is None
    assert not any(canary in said for canary in CANARIES)
    assert caught.value.cure
    return said


def in_reply(text: str) -> str:
    return "Hallo Anna,\n\nhier der Text:\n" + "".join(f"> {line}\n" for line in text.splitlines()) + "\nGrüße\n"


MAILS = {
    "as it is": lambda text: text,
    "in a reply": in_reply,
    "in a reply to a reply": lambda text: in_reply(in_reply(text)),
    "with the lines of Windows": lambda text: text.replace("\n", "\r\n"),
    "with one line": lambda text: text.replace("\n", " "),
    "without any white space": lambda text: text.replace("\n", ""),
    "broken after 40": lambda text: "\n".join(text[at : at + 40] for at in range(0, len(text), 40)),
    "with an empty line between all": lambda text: text.replace("\n", "\n\n"),
    "with blanks that are none": lambda text: text.replace("\n", "\u00a0\n\u200b"),
    "with typographic dashes": lambda text: text.replace("-----", "\u2014\u2014-"),
    "in quote marks": lambda text: f"„{text.strip()}“",
    "with a byte order mark": lambda text: "\ufeff" + text,
    "in bold": lambda text: f"*{text.strip()}*",
}


@pytest.mark.parametrize("mail", MAILS)
def test_what_a_mail_program_does_to_it_changes_nothing(mail: str, recipients: Recipients) -> None:
    found = opened(MAILS[mail](sealed(recipients.keys)), recipients)
    assert found.files() == {"afterbuy": AFTERBUY, "sendcloud": SENDCLOUD}
    assert not any(canary in repr(found) for canary in CANARIES)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda _: "", "no sealed text"),
        (lambda _: "Anbei meine Zugangsdaten: partner-canary-8f1c", "no sealed text"),
        (lambda text: text[: len(text) // 2], "only the beginning"),
        (lambda text: text[len(text) // 2 :], "only the end"),
        (lambda text: text + text, "several"),
        (lambda text: text.replace("\n", "\n!", 3), "changed on its way"),
        (lambda text: text.translate(str.maketrans("xyz", "yzx")), "changed on its way"),
        (lambda text: "".join(text.splitlines(keepends=True)[:2] + text.splitlines(keepends=True)[3:]), "changed"),
    ],
)
def test_half_a_text_or_none_is_said(break_it: Any, said: str, recipients: Recipients) -> None:
    assert said in refused(break_it(sealed(recipients.keys)), recipients)


def test_a_text_for_others_is_said(recipients: Recipients, tmp_path: Path) -> None:
    stranger = make_identity(tmp_path / "stranger.agekey", "stranger")
    assert "sealed for others" in refused(sealed([stranger.key]), recipients)


def test_another_tenants_text_is_refused_by_both_names(recipients: Recipients) -> None:
    said = refused(sealed(recipients.keys, tenant="meier"), recipients)
    assert "meier" in said
    assert "mueller" in said


def test_an_old_text_needs_force_and_one_from_the_future_is_refused(recipients: Recipients) -> None:
    old = sealed(recipients.keys, created=(NOW - timedelta(days=15)).isoformat())
    assert "15 days old" in refused(old, recipients)
    assert opened(old, recipients, force=True).tenant == "mueller"
    assert opened(sealed(recipients.keys, created=(NOW - timedelta(days=14)).isoformat()), recipients).v == 1
    for created in ((NOW + timedelta(days=2)).isoformat(), "2026-11-29T12:00:00"):
        assert "future" in refused(sealed(recipients.keys, created=created), recipients)


@pytest.mark.parametrize("version", [0, 2, 99])
def test_an_unknown_version_is_refused(version: int, recipients: Recipients) -> None:
    assert f"version {version}" in refused(sealed(recipients.keys, v=version, more={}), recipients)


@pytest.mark.parametrize(
    "changes",
    [
        {"afterbuy": {}},
        {"afterbuy": AFTERBUY | {"partnerToken": ""}},
        {"afterbuy": AFTERBUY | {"partnerToken": "two words"}},
        {"afterbuy": AFTERBUY | {"partnerToken": "x" * 201}},
        {"afterbuy": AFTERBUY | {"partnerId": "a1"}},
        {"afterbuy": AFTERBUY | {"more": "partner-canary-8f1c"}},
        {"sendcloud": SENDCLOUD | {"webhookSignatureKey": "short"}},
        {"sendcloud": SENDCLOUD | {"secretKey": "two\nlines"}},
        {"tenant": "../etc"},
        {"created": "yesterday"},
        {"v": "1"},
        {"more": "secret-canary-3c4d"},
    ],
)
def test_contents_of_another_shape_are_refused_without_their_values(
    changes: dict[str, Any], recipients: Recipients
) -> None:
    assert "no credentials" in refused(sealed(recipients.keys, **changes), recipients)


def test_the_partner_id_comes_along_if_there_is_one(recipients: Recipients) -> None:
    found = opened(sealed(recipients.keys, afterbuy=AFTERBUY | {"partnerId": "1234"}), recipients)
    assert found.files()["afterbuy"] == AFTERBUY | {"partnerId": "1234"}


@given(st.text())
def test_any_text_is_opened_or_refused(text: str) -> None:
    with pytest.raises(Misconfigured):
        rearmored(text, path="mail")


def test_the_tool_age_opens_it_as_well(recipients: Recipients) -> None:
    """The way back if there is no aftersend at hand."""
    assert shutil.which("age"), "age is missing: apt-get install age"
    run = subprocess.run(
        ["age", "-d", "-i", recipients.identities[0]],
        input=sealed(recipients.keys).encode(),
        capture_output=True,
        check=True,
    )
    assert b"partner-canary-8f1c" in run.stdout
    assert document()["tenant"].encode() in run.stdout
