"""The client against a small HTTP server: what it sends, and what it makes of each answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from aftersend.errors import AftersendError, Transient
from aftersend_operator.api.access import ApiAccess
from aftersend_operator.api.client import Api
from aftersend_operator.api.errors import ApiRefusal, Conflict, NamespaceTerminating, NotFound
from aftersend_operator.model.kinds import TENANT
from tests.support.operator_objects import kind_named

CONFIG_MAP = kind_named("ConfigMap")
MANIFEST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}, "data": {"k": "v"}}
Answer = Callable[[web.Request], web.Response]


@dataclass
class Server:
    """Answer by a function and record the calls."""

    answer: Answer = lambda _: web.json_response({})
    calls: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    counted: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    now: float = 0.0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        sent = msgspec.json.decode(body) if body else None
        self.calls.append((request.method, request.path_qs, dict(request.headers), sent))
        return self.answer(request)

    def record_call(self, verb: str, outcome: str) -> None:
        self.counted.append((verb, outcome))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    it = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", it.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    it.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield it
    await runner.cleanup()


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    it = Api(lambda: ApiAccess(server=server.url, token="first"), server, clock=lambda: server.now)
    yield it
    await it.close()


def answering(status: int, body: Any = None, **headers: str) -> Answer:
    return lambda _: web.json_response(body, status=status, headers=headers)


def failure(reason: str, *causes: dict[str, str], message: str = "") -> dict[str, Any]:
    return {"kind": "Status", "reason": reason, "message": message, "details": {"causes": list(causes)}}


async def test_an_apply_is_forced_under_our_name(server: Server, api: Api) -> None:
    server.answer = answering(200, {"applied": True})
    assert await api.apply(MANIFEST) == {"applied": True}
    ((verb, path, headers, body),) = server.calls
    assert (verb, body) == ("PATCH", MANIFEST)
    assert path.startswith("/api/v1/namespaces/n/configmaps/a?")
    assert set(path.partition("?")[2].split("&")) == {
        "fieldManager=aftersend-operator",
        "force=true",
        "fieldValidation=Strict",
    }
    assert headers["Content-Type"] == "application/apply-patch+yaml"
    assert headers["User-Agent"] == "aftersend-operator"
    assert headers["Authorization"] == "Bearer first"


async def test_a_status_goes_to_its_own_address(server: Server, api: Api) -> None:
    status = {"apiVersion": TENANT.api_version, "kind": TENANT.name, "metadata": MANIFEST["metadata"], "status": {}}
    await api.apply(status, subresource="status")
    assert server.calls[0][1].startswith(
        "/apis/aftersend.jj-ideenschmiede.de/v1/namespaces/n/aftersendtenants/a/status?"
    )


async def test_a_delete_names_the_very_object(server: Server, api: Api) -> None:
    await api.delete(CONFIG_MAP, "n", "a", uid="u")
    assert server.calls[0][3] == {"preconditions": {"uid": "u"}, "propagationPolicy": "Background"}
    server.answer = answering(404, failure("NotFound"))
    await api.delete(CONFIG_MAP, "n", "a", uid="u")
    assert await api.get(CONFIG_MAP, "n", "a") is None
    assert server.counted == [("DELETE", "200"), ("DELETE", "404"), ("GET", "404")]


@pytest.mark.parametrize(
    ("answer", "kind", "code", "path"),
    [
        (answering(409, failure("Conflict")), Conflict, "409 Conflict", ""),
        (answering(409, failure("AlreadyExists")), Conflict, "409 AlreadyExists", ""),
        (answering(403, failure("Forbidden")), ApiRefusal, "403 Forbidden", ""),
        (
            answering(403, failure("Forbidden", {"reason": "NamespaceTerminating"})),
            NamespaceTerminating,
            "403 Forbidden",
            "",
        ),
        (
            answering(422, failure("Invalid", {"field": "spec.a"}, {"field": "spec.b"})),
            ApiRefusal,
            None,
            "spec.a, spec.b",
        ),
        (answering(404, failure("NotFound")), NotFound, "404 NotFound", ""),
        (answering(500, failure("InternalError")), Transient, "500 InternalError", ""),
        (answering(503, "not an object"), Transient, "503", ""),
        (lambda _: web.Response(text="<html>", status=502), Transient, "502", ""),
        (lambda _: web.Response(text="<html>", status=200), Transient, "DecodeError", ""),
        (answering(307, None, Location="http://elsewhere.example/"), ApiRefusal, "307", ""),
    ],
)
async def test_each_answer_has_its_error(
    server: Server, api: Api, answer: Answer, kind: type[AftersendError], code: str | None, path: str
) -> None:
    server.answer = answer
    with pytest.raises(kind) as caught:
        await api.apply(MANIFEST)
    assert type(caught.value) is kind
    assert code is None or caught.value.code == code
    assert caught.value.path == path


async def test_an_error_quotes_nothing_of_what_was_sent(server: Server, api: Api) -> None:
    message = 'ConfigMap "a" is invalid: data: Invalid value: "s3cr3t"'
    server.answer = answering(422, failure("Invalid", {"field": "data", "message": message}, message=message))
    with pytest.raises(ApiRefusal) as caught:
        await api.apply(MANIFEST)
    assert "s3cr3t" not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("header", "seconds"), [({"Retry-After": "7"}, 7.0), ({}, None), ({"Retry-After": "x"}, None)])
async def test_too_many_requests_say_when_to_come_back(
    server: Server, api: Api, header: dict[str, str], seconds: float | None
) -> None:
    server.answer = answering(429, failure("TooManyRequests"), **header)
    with pytest.raises(Transient) as caught:
        await api.get(CONFIG_MAP, "n", "a")
    assert caught.value.retry_after == seconds


async def test_no_server_is_transient(server: Server) -> None:
    api = Api(lambda: ApiAccess(server="http://127.0.0.1:1"), server)
    with pytest.raises(Transient):
        await api.get(CONFIG_MAP, "n", "a")
    assert server.counted == [("GET", "error")]
    await api.close()


async def test_renewed_files_are_used_without_a_restart(server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    ca = tmp_path / "ca"
    token.write_text("first")
    ca.write_text("")
    found: list[ApiAccess] = []

    def find() -> ApiAccess:
        found.append(ApiAccess(server=server.url, token_file=token, files=(ca,)))
        return found[-1]

    api = Api(find, server, clock=lambda: server.now)
    await api.get(CONFIG_MAP, "n", "a")
    token.write_text("second")
    ca.unlink()
    await api.get(CONFIG_MAP, "n", "a")
    assert len(found) == 1, "files are looked at now and then only"
    server.now = 11
    await asyncio.gather(*(api.get(CONFIG_MAP, "n", "a") for _ in range(3)))
    assert len(found) == 2
    assert [headers["Authorization"] for _, _, headers, _ in server.calls] == ["Bearer first", *["Bearer second"] * 4]
    await api.close()


QUOTA = "exceeded quota: small, requested: requests.storage=2Gi,pods=1, used: pods=1, limited: requests.storage=1Gi"
RANGE = "maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (f'persistentvolumeclaims "a" is forbidden: {QUOTA}', QUOTA),
        (f'persistentvolumeclaims "a" is forbidden: {RANGE}', RANGE),
        ('configmaps "a" is forbidden: admission webhook "x" denied: secret-value', ""),
        ("exceeded quota: Geheim und mehr", ""),
    ],
)
async def test_of_a_refusal_only_quotas_and_amounts_are_kept(
    server: Server, api: Api, message: str, words: str
) -> None:
    status = {"reason": "Forbidden", "message": message}
    server.answer = lambda _: web.json_response(status, status=403)
    with pytest.raises(ApiRefusal) as caught:
        await api.apply(MANIFEST)
    assert caught.value.quota == words
    assert "secret-value" not in str(caught.value)
