"""The audit finds what it is for: each check is tried with something that breaks it, and with what must pass."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tools.supply_chain import audit
from tools.supply_chain.packages import PinnedPackage, all_pinned, data, licence_of, npm_packages

REGISTRY = "https://" + "pypi" + ".org/simple"


class FakePipAudit:
    """pip-audit where advisory data can be had: the probe has one, and so have the packages that are named here."""

    def __init__(self, *found: dict[str, Any], has_data: bool = True) -> None:
        self.found = list(found)
        self.has_data = has_data
        self.calls: list[Sequence[str]] = []

    def __call__(self, arguments: Sequence[str]) -> list[dict[str, Any]] | None:
        self.calls.append(arguments)
        if "--no-deps" in arguments:
            vulns = [{"id": "GHSA-probe", "fix_versions": ["3.7"]}] if self.has_data else []
            return [{"name": "idna", "version": "3.6", "vulns": vulns}]
        return [{"name": "aiohttp", "version": "1", "vulns": []}, *self.found]


def vulnerable(**more: Any) -> dict[str, Any]:
    known = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2.0"], **more}
    return {"name": "lxml", "version": "1.0", "vulns": [known]}


def test_nothing_is_wrong_with_what_is_pinned() -> None:
    assert [*audit.hash_faults(), *audit.licence_faults(), *audit.address_faults(audit.tracked())] == []


def test_a_package_with_a_known_vulnerability_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main([], run=FakePipAudit(vulnerable())) == 1
    assert "lxml 1.0: PYSEC-2026-1, fixed in 2.0" in capsys.readouterr().out


def test_every_requirements_file_is_audited_with_its_hashes() -> None:
    run = FakePipAudit()
    assert audit.main([], run=run) == 0
    assert run.calls[1][0] == "--require-hashes"
    assert [each for each in run.calls[1] if each.endswith(".txt")] == [
        f"requirements/{name}.txt" for name in audit.REQUIREMENTS
    ]


@pytest.mark.parametrize("name", ["PYSEC-2026-1", "CVE-2026-1"])
def test_an_accepted_advisory_passes_by_any_of_its_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(data(), "accepted", {name: "does not concern us"})
    assert audit.main([], run=FakePipAudit(vulnerable())) == 0
    assert audit.main([], run=FakePipAudit(vulnerable(id="PYSEC-2026-2", aliases=[]))) == 1


def test_a_package_that_could_not_be_asked_about_is_a_finding() -> None:
    assert audit.main([], run=FakePipAudit({"name": "lxml", "skip_reason": "not found"})) == 1


@pytest.mark.parametrize("run", [FakePipAudit(has_data=False), lambda _: None], ids=["mirror", "no network"])
def test_without_advisory_data_it_says_so(run: audit.PipAudit, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main([], run=run) == 0
    assert "advisories: NOT AUDITED" in capsys.readouterr().out.splitlines()[-1]
    assert audit.main(["--require-advisories"], run=run) == 3


def test_with_advisory_data_it_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(["--require-advisories"], run=FakePipAudit()) == 0
    assert "NOT AUDITED" not in capsys.readouterr().out


def test_a_program_that_does_not_start_is_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit.sys, "executable", "/bin/false")
    assert audit.pip_audit([]) is None


@pytest.mark.parametrize(
    ("expression", "is_shipped", "own", "fault"),
    [
        ("MIT", True, "", ""),
        ("Apache-2.0 AND MIT", True, "Apache-2.0 AND MIT", ""),
        ("MIT OR (Apache-2.0 AND BSD-3-Clause)", True, "", ""),
        ("LGPL-2.1-only", False, "", ""),
        ("LGPL-2.1-only", True, "", "the licence LGPL-2.1-only is not allowed here"),
        ("MIT AND AGPL-3.0-only", False, "", "the licence AGPL-3.0-only is not allowed here"),
        ("", True, "", "no licence is known"),
        ("MIT", True, "SSPL-1.0", "its licence is SSPL-1.0 by its own words"),
    ],
)
def test_licences(expression: str, own: str, fault: str, *, is_shipped: bool) -> None:
    found = audit.licence_fault(expression, is_shipped=is_shipped, own=own)
    assert found.startswith(fault)
    assert bool(found) == bool(fault)


def test_every_entry_of_the_data_is_used_and_has_a_reason() -> None:
    names = {each.name for each in all_pinned()}
    assert set(data()["packages"]) == names
    assert all(reason.strip() for part in data()["allowed"].values() for reason in part.values())
    used = " ".join([*map(licence_of, names), *(str(each["license"]) for each in npm_packages().values())])
    assert all(each in used for part in data()["allowed"].values() for each in part)


def test_a_package_without_hash_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = PinnedPackage("bare", "1", (("md5", "00"),))
    monkeypatch.setattr(audit, "pinned", lambda name: [bare] if name == "build" else [])
    monkeypatch.setattr(
        audit, "npm_packages", lambda: {"node_modules/x": {"version": "1"}, "y": {"integrity": "sha512-a"}}
    )
    assert list(audit.hash_faults()) == [
        "requirements/build.txt: bare has no hash",
        "package-lock.json: node_modules/x has no hash",
    ]


def test_an_address_of_a_registry_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "ROOT", tmp_path)
    bad, good = tmp_path / "bad.txt", tmp_path / "good.txt"
    bad.write_bytes(b"\xff\nfine\n--index-url " + REGISTRY.encode())
    good.write_text("pypi, npm and docker.io are words\n")
    assert list(audit.address_faults([bad, good])) == ["bad.txt:3 names a package registry"]
