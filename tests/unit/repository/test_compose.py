"""``compose.yaml``, as a program that runs such files reads it: hardened, and in step with the product's contract."""

import os
import subprocess
import sys
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command
from yarl import URL

from aftersend import __version__
from aftersend.cli.main import app
from aftersend.settings import Settings, read_settings

ROOT = Path(__file__).resolve().parents[3]
MISSING = "podman-compose is missing: pip install --require-hashes -r requirements/development.txt"
HOST = {"WEBHOOK_HOST": "hooks.example.com"}
GUIDE = (ROOT / "docs/guides/run-for-your-shop.md").read_text()


def parsed(folder: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    """The file with its anchors and variables resolved; nothing is started, so no Podman is needed."""
    if find_spec("podman_compose") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    podman = folder / "podman"
    podman.write_text("#!/bin/sh\necho podman version 5.4.0\n")
    podman.chmod(0o755)
    words = ["-m", "podman_compose", "--podman-path", str(podman), "-f", str(ROOT / "compose.yaml"), "config"]
    return subprocess.run(
        [sys.executable, *words],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The services by name."""
    run = parsed(tmp_path_factory.mktemp("compose"), **HOST)
    assert run.returncode == 0, run.stderr
    document: dict[str, Any] = yaml.safe_load(run.stdout)
    assert document["networks"]["data"] == {"internal": True}
    found: dict[str, Any] = document["services"]
    return found


@pytest.fixture(scope="module")
def environ(services: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = services["aftersend"]["environment"]
    return found


def test_the_host_is_asked_for_before_anything_starts(tmp_path: Path) -> None:
    run = parsed(tmp_path)
    assert run.returncode != 0
    assert "WEBHOOK_HOST" in run.stderr


@pytest.mark.parametrize("name", ["aftersend", "valkey", "caddy"])
def test_every_container_may_do_only_what_it_needs(name: str, services: dict[str, Any]) -> None:
    assert set(services) == {"aftersend", "valkey", "caddy"}
    service = services[name]
    assert service["user"] == "10001:10001"
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {*service["deploy"]["resources"]["limits"]} == {"cpus", "memory", "pids"}
    assert service["healthcheck"]["test"][0] == "CMD"
    assert not {"privileged", "pid", "network_mode", "ipc"} & set(service)
    assert all(volume["bind"] == {"create_host_path": False} for volume in service["volumes"])
    assert service["image"].rpartition(":")[2] not in {"", "latest"}


def test_only_the_proxy_can_be_reached_and_only_aftersend_reaches_the_store(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["caddy"]
    assert {name: set(service["networks"]) for name, service in services.items()} == {
        "aftersend": {"web", "data"},
        "valkey": {"data"},
        "caddy": {"web"},
    }


def test_variables_and_command_are_those_of_the_product(services: dict[str, Any], environ: dict[str, str]) -> None:
    known = {f"AFTERSEND_{field.name.upper()}" for field in fields(Settings)}
    assert {name for name in environ if name.startswith("AFTERSEND_")} <= known
    settings = read_settings(environ)
    assert URL(settings.redis_url).host in services
    (program, command, *words) = services["aftersend"]["command"]
    up = get_command(app).commands[command]  # type: ignore[attr-defined]
    given = up.make_context(f"{program} {command}", words).params
    assert (given["files"], settings.tenant_file) == ([settings.tenant_file], Path("/etc/aftersend/tenant.yaml"))
    mounts = {volume["target"]: volume for volume in services["aftersend"]["volumes"]}
    assert set(mounts) == {str(settings.tenant_file), str(settings.secrets_dir), settings.backup_target}
    assert mounts[str(settings.tenant_file)]["read_only"] is True
    assert services["aftersend"]["image"] == f"aftersend:{__version__}"


def test_ports_lead_from_the_proxy_to_the_webhook_and_from_the_probe_to_readyz(
    services: dict[str, Any], environ: dict[str, str]
) -> None:
    settings, proxy = read_settings(environ), (ROOT / "Caddyfile").read_text()
    assert f"reverse_proxy aftersend:{settings.listen.port}\n" in proxy
    assert {(port["published"], port["target"]) for port in services["caddy"]["ports"]} == {("80", 8080), ("443", 8443)}
    assert "http_port 8080\n\thttps_port 8443" in proxy
    assert f"http://127.0.0.1:{settings.admin_listen.port}/readyz" in services["aftersend"]["healthcheck"]["test"][-1]
    assert services["caddy"]["healthcheck"]["test"][-1].removesuffix("/") in proxy.replace(
        "http://:", "http://127.0.0.1:"
    )


def test_the_store_keeps_what_it_confirms(services: dict[str, Any]) -> None:
    words = services["valkey"]["command"]
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert (options["--appendonly"], options["--appendfsync"], options["--maxmemory-policy"]) == (
        "yes",
        "always",
        "noeviction",
    )
    assert options["--loadmodule"].endswith("/libjson.so")
    (volume,) = services["valkey"]["volumes"]
    assert volume["target"] == options["--dir"]


def test_the_guide_makes_every_folder_that_is_mounted(services: dict[str, Any]) -> None:
    (made,) = [line for line in GUIDE.splitlines() if line.startswith("mkdir ")]
    folders = {
        Path(volume["source"]).name
        for service in services.values()
        for volume in service["volumes"]
        if not volume.get("read_only")
    }
    assert folders == set(made.split()[1:]) - {"-p"}
