"""Secrets as Kubernetes and people change them under a running process."""

import errno
import os
from pathlib import Path

import pytest

from aftersend.errors import Misconfigured, SecretMissing
from aftersend.secrets import SecretFiles


def _mount(volume: Path, version: str, **values: str) -> None:
    """Do what the kubelet does: write a new folder, then swap the link ``..data`` in one step."""
    fresh = volume / f"..{version}"
    fresh.mkdir(parents=True)
    for name, value in values.items():
        (fresh / name).write_text(value)
        link = volume / name
        if not link.is_symlink():
            link.symlink_to(Path("..data") / name)
    (volume / "..tmp").symlink_to(fresh.name)
    (volume / "..tmp").rename(volume / "..data")


def test_white_space_at_the_end_is_stripped(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("  secret \r\n\n")
    assert SecretFiles(tmp_path).required("key") == "  secret"


def test_a_kubernetes_swap_is_seen_at_the_next_look(tmp_path: Path) -> None:
    _mount(tmp_path, "one", key="first", other="same")
    files = SecretFiles(tmp_path)
    assert files.required("key") == "first"
    _mount(tmp_path, "two", key="after", other="same")
    assert files.required("key") == "after"
    assert files.required("other") == "same"
    assert files.names() == ["key", "other"]


def test_a_plain_file_written_anew_is_seen(tmp_path: Path) -> None:
    files = SecretFiles(tmp_path)
    (tmp_path / "key").write_text("first")
    assert files.required("key") == "first"
    (tmp_path / "key").write_text("after!")
    assert files.required("key") == "after!"
    (tmp_path / "new").write_text("third!")
    (tmp_path / "new").rename(tmp_path / "key")
    assert files.required("key") == "third!"


def test_an_unchanged_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("secret")
    files = SecretFiles(tmp_path)
    assert files.required("key") == "secret"
    monkeypatch.setattr(Path, "read_bytes", None)
    assert files.required("key") == "secret"


def test_a_file_that_vanishes_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("secret")
    files = SecretFiles(tmp_path)
    assert files.required("key") == "secret"
    path.unlink()
    assert files.optional("key") == ""
    path.write_text("secret")
    assert files.required("key") == "secret"


def test_subscribers_get_the_name_of_what_changed(tmp_path: Path) -> None:
    folder = tmp_path / "afterbuy"
    folder.mkdir()
    (folder / "partnerToken").write_text("first")
    heard: list[str] = []
    files = SecretFiles(folder, changed=heard.append)
    assert (files.optional("partnerToken"), files.names(), heard) == ("first", ["partnerToken"], [])
    (folder / "partnerToken").write_text("second")
    assert (files.optional("partnerToken"), heard) == ("second", ["afterbuy/partnerToken"])
    (folder / "partnerToken").write_text("second\n")
    assert (files.optional("partnerToken"), len(heard)) == ("second", 1), "white space does not count"
    (folder / "accountToken").write_text("new")
    files.names()
    assert (files.optional("accountToken"), heard[1:]) == ("new", ["afterbuy/accountToken"])
    (folder / "accountToken").unlink()
    files.names()
    assert heard[2:] == ["afterbuy/accountToken"]


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_missing_or_empty_is_named_without_a_value(content: str | None, tmp_path: Path) -> None:
    folder = tmp_path / "afterbuy"
    folder.mkdir()
    if content is not None:
        (folder / "partnerToken").write_text(content)
    assert SecretFiles(folder).optional("partnerToken") == ""
    with pytest.raises(Misconfigured, match="secret afterbuy/partnerToken is missing"):
        SecretFiles(folder).required("partnerToken")


def test_every_missing_key_is_named_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "afterbuy"
    folder.mkdir()
    (folder / "partnerId").write_text("7")
    with pytest.raises(Misconfigured, match="secrets afterbuy/partnerToken and afterbuy/accountToken are missing"):
        SecretFiles(folder).all_of("partnerToken", "partnerId", "accountToken")
    (folder / "partnerToken").write_text("a")
    (folder / "accountToken").write_text("b")
    assert SecretFiles(folder).all_of("accountToken", "partnerToken") == ["b", "a"]


def test_what_cannot_be_used_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "afterbuy"
    folder.mkdir()
    (folder / "good").write_text("a")
    (folder / "empty").write_text(" \n")
    (folder / "binary").write_bytes(b"\xff\xfe")
    assert SecretFiles(folder).missing("good", "empty", "binary", "absent") == [
        "afterbuy/empty",
        "afterbuy/binary",
        "afterbuy/absent",
    ]


def test_several_keys_one_per_line(tmp_path: Path) -> None:
    (tmp_path / "secretKey").write_text("\nnew \r\n\n old\n")
    assert SecretFiles(tmp_path).lines("secretKey") == ("new", "old")
    assert SecretFiles(tmp_path).lines("nothing") == ()


def test_no_folder_means_no_secrets(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "nowhere", tmp_path / "file"):
        files = SecretFiles(folder)
        assert files.names() == []
        assert files.optional("key") == ""


def test_what_is_no_text_is_refused_without_quoting_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"K\xe4the Mustermann")
    with pytest.raises(Misconfigured, match="is not UTF-8 text") as caught:
        SecretFiles(tmp_path).required("key")
    assert "Mustermann" not in str(caught.value)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()
    with pytest.raises(Misconfigured, match=r"cannot be read \(IsADirectoryError\)"):
        SecretFiles(tmp_path).required("key")


def test_repr_shows_no_value(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret-value")
    files = SecretFiles(tmp_path)
    files.required("key")
    assert "secret-value" not in repr(files)


def test_a_change_within_one_tick_of_the_clock_is_seen_by_its_size_or_inode(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("first")
    files = SecretFiles(tmp_path)
    assert files.required("key") == "first"
    stamp = path.stat().st_mtime_ns
    path.write_text("longer")
    os.utime(path, ns=(stamp, stamp))
    assert files.required("key") == "longer"


def test_a_folder_that_cannot_be_listed_is_reported_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_self: Path) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    files = SecretFiles(tmp_path / "data-key")
    monkeypatch.setattr(Path, "iterdir", fails)
    with pytest.raises(SecretMissing, match=r"^folder data-key cannot be read \(OSError\)"):
        files.names()
