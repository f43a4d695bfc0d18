"""Digests come from the registry that an image's name says, by the steps that public registries ask for."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tools.supply_chain import digests

DIGEST = "sha256:" + "ab" * 32
TOKEN = "anonymous"


@dataclass
class Registry:
    """A registry on this machine that demands a token."""

    address: str
    digest: str | None = DIGEST
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def registry() -> Iterator[Registry]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            made.asked.append(f"HEAD {self.path}")
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                realm = f'Bearer realm="http://{made.address}/token",service="it",scope="repository:a/b:pull"'
                return self.answer(401, {"WWW-Authenticate": realm})
            if "/missing" in self.path:
                return self.answer(404, {})
            assert "image.index" in self.headers["Accept"]
            return self.answer(200, {"Docker-Content-Digest": made.digest} if made.digest else {})

        def do_GET(self) -> None:
            made.asked.append(f"GET {self.path}")
            self.answer(200, {}, json.dumps({"token": TOKEN}).encode())

        def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Registry(f"127.0.0.1:{server.server_address[1]}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


def ask(name: str) -> str:
    return digests.look_up(name, scheme="http")


def test_a_tag_is_looked_up_with_the_token_that_anyone_gets(registry: Registry) -> None:
    assert ask(f"{registry.address}/a/b:1.2") == DIGEST
    assert registry.asked == [
        "HEAD /v2/a/b/manifests/1.2",
        "GET /token?service=it&scope=repository%3Aa%2Fb%3Apull",
        "HEAD /v2/a/b/manifests/1.2",
    ]


@pytest.mark.parametrize("digest", [None, "", "sha256:short", "md5:" + "ab" * 32])
def test_an_answer_without_a_digest_is_none(registry: Registry, digest: str | None) -> None:
    registry.digest = digest
    with pytest.raises(digests.LookUpError, match="names no digest"):
        ask(f"{registry.address}/a/b:1.2")


@pytest.mark.parametrize("name", ["valkey:9", "docker.io/valkey", "docker.io/a/b"])
def test_a_name_must_say_its_registry_and_tag(name: str) -> None:
    with pytest.raises(digests.LookUpError, match="is not registry/repository:tag"):
        ask(name)


def test_both_bases_are_pinned_in_the_dockerfile(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    old = "sha256:" + "00" * 32
    file.write_text(f"ARG PYTHON={registry.address}/a/b:3\nARG BASE={registry.address}/c:d@{old}\nARG OPERATOR=0\n")
    changed = digests.pin_bases(file, ask)
    assert changed == [f"ARG BASE={registry.address}/c:d@{DIGEST}", f"ARG PYTHON={registry.address}/a/b:3@{DIGEST}"]
    assert file.read_text().endswith("\nARG OPERATOR=0\n")
    assert digests.pin_bases(file, ask) == []


def test_nothing_is_written_if_one_cannot_be_had(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    text = f"ARG PYTHON={registry.address}/a/b:3\nARG BASE={registry.address}/missing:1\n"
    file.write_text(text)
    with pytest.raises(OSError, match="404"):
        digests.pin_bases(file, ask)
    assert file.read_text() == text


def test_our_own_files_are_understood() -> None:
    asked: list[str] = []

    def recorded(name: str) -> str:
        digests.ImageName.parse(name)
        asked.append(name)
        return DIGEST

    assert digests.redis_option(digests.VALUES, recorded) == f"--set images.redis.digest={DIGEST}"
    found = digests._BASE.findall(digests.DOCKERFILE.read_text())
    assert [(name, digest[:7]) for name, _, digest in found] == [("ARG PYTHON=", "sha256:"), ("ARG BASE=", "sha256:")]
    assert asked == ["docker.io/valkey/valkey-bundle:9.1"]


def test_a_registry_that_is_away_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = digests.DOCKERFILE.read_text()

    def away(_: str) -> str:
        raise OSError("no route")

    assert digests.main([], ask=away) == 1
    assert digests.DOCKERFILE.read_text() == before
    assert "digests: no route" in capsys.readouterr().out
