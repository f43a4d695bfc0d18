"""``aftersend handover`` as its users call it: keys, words, page, and what is opened."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from aftersend.secrets import SecretFiles
from tests.support.handover_kit import AFTERBUY, NOW, SENDCLOUD, Recipients, sealed, two_recipients

PROGRAM = [sys.executable, "-c", "from aftersend.cli.entry import main; main()"]
CANARIES = [*AFTERBUY.values(), *SENDCLOUD.values()]


@pytest.fixture
def recipients(tmp_path: Path) -> Recipients:
    return two_recipients(tmp_path)


def handover(folder: Path, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [*PROGRAM, "handover", *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def opening(recipients: Recipients, *words: str | Path, **changes: object) -> "subprocess.CompletedProcess[str]":
    folder = recipients.file.parent
    (folder / "mueller.age").write_text(sealed(recipients.keys, **changes))
    identity = recipients.identities[0]
    return handover(folder, "open", "mueller.age", "--tenant", "mueller", "--identity", identity, *words)


def test_a_key_a_page_and_the_words_on_both_sides(tmp_path: Path) -> None:
    for name in ("anna", "ben"):
        made = handover(tmp_path, "keygen", "--recipient", name)
        assert made.returncode == 0
        assert "AGE-SECRET-KEY" not in made.stdout + made.stderr
        with (tmp_path / "all.txt").open("a") as file:
            file.write(made.stdout)
    words = handover(tmp_path, "fingerprint", "--recipients", "all.txt")
    assert len(words.stdout.split()) == 5
    page = handover(tmp_path, "page", "--tenant", "mueller", "--recipients", "all.txt", "-o", "page.html")
    assert words.stdout.strip() in page.stdout
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert handover(tmp_path, "keygen", "--recipient", "anna").returncode == 2


def test_one_recipient_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(handover(tmp_path, "keygen", "--recipient", "anna").stdout)
    said = handover(tmp_path, "fingerprint", "--recipients", "one.txt")
    assert said.returncode == 0
    assert "only one recipient" in said.stderr


def test_secrets_go_into_a_pipe(recipients: Recipients) -> None:
    run = opening(recipients, "-n", "tenant-mueller", "--force")
    found = {each["metadata"]["name"]: each for each in yaml.safe_load_all(run.stdout)}
    assert set(found) == {"mueller-afterbuy", "mueller-sendcloud"}
    assert {each["metadata"]["namespace"] for each in found.values()} == {"tenant-mueller"}
    assert set(found["mueller-sendcloud"]["data"]) == set(SENDCLOUD)
    assert run.stderr == ""


def test_folders_are_those_that_services_read(recipients: Recipients) -> None:
    folder = recipients.file.parent
    run = opening(recipients, "--output", "folder", "--force")
    assert run.returncode == 0
    assert not [canary for canary in CANARIES if canary in run.stdout + run.stderr]
    assert SecretFiles(folder / "secrets/afterbuy").required("partnerToken") == AFTERBUY["partnerToken"]
    key = folder / "secrets/sendcloud/secretKey"
    assert key.stat().st_mode & 0o777 == 0o600
    key.write_text("another one")
    again = opening(recipients, "--output", "folder")
    assert again.returncode == 2
    assert key.read_text() == "another one"


def test_a_terminal_gets_no_key(recipients: Recipients) -> None:
    folder = recipients.file.parent
    (folder / "mueller.age").write_text(sealed(recipients.keys))
    ours, theirs = pty.openpty()
    words = ["open", "mueller.age", "--tenant", "mueller", "--identity", recipients.identities[0], "--force"]
    command = [*PROGRAM, "handover", *words]
    run = subprocess.run(command, cwd=folder, stdout=theirs, stderr=subprocess.PIPE, check=False)
    os.close(theirs)
    assert run.returncode == 2
    assert b"not printed on a terminal" in run.stderr
    with pytest.raises(OSError, match="Input/output"):  # end of file: nothing was written
        os.read(ours, 1)
    os.close(ours)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tenant": "meier"}, "meier"),
        ({"v": 2}, "version 2"),
        ({"created": NOW.replace(year=2025).isoformat()}, "days old"),
        ({"afterbuy": {}}, "no credentials"),
    ],
)
def test_what_is_refused_ends_with_2_and_one_line_without_a_value(
    changes: dict[str, object], said: str, recipients: Recipients
) -> None:
    run = opening(recipients, **changes)
    assert (run.returncode, run.stdout) == (2, "")
    assert said in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert not [canary for canary in CANARIES if canary in run.stderr]
