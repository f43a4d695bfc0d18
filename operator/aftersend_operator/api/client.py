"""The API client: the few calls that the operator makes, without retries.

Every write is a server-side apply under one field manager, except for generated secrets: they are created, and renewed
by merge patches. An apply that may only create carries a resource version that no object has: the server compares it if
the object exists, and ignores it if not. Retries are the work queue's, which honours ``Transient.retry_after``. A call
times out after 30 seconds; credentials are reloaded when their files change.
"""

import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from math import inf
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from aiohttp import ClientHandlerType, ClientMiddlewareType, ClientRequest, ClientResponse

from aftersend.errors import AftersendError, Transient
from aftersend.undecodable import UNDECODABLE
from aftersend_operator.api.access import ApiAccess
from aftersend_operator.api.errors import KUBERNETES, NotFound, error_of
from aftersend_operator.api.metadata_list import (
    METADATA,
    METADATA_LIST,
    MetadataList,
    parse_metadata_event,
    parse_metadata_list,
)
from aftersend_operator.model.kinds import EVENT, Kind, kind_of
from aftersend_operator.model.naming import FIELD_MANAGER, Manifest

REQUEST_SECONDS: Final = 30.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=10)
_WATCH_GRACE_SECONDS: Final = 10.0
"""How much longer than the server's own time-out a watch may be open."""
_APPLY: Final = "application/apply-patch+yaml"  # JSON is YAML; servers before 1.35 know no other name
_MERGE: Final = "application/merge-patch+json"
_FILE_CHECK_SECONDS: Final = 10.0
_UNAUTHORIZED: Final = 401
_DECODER: Final = msgspec.json.Decoder(dict[str, Any])
_MAX_ERROR_BYTES: Final = 64 * 1024
_NO_VERSION: Final = "1"
"""The version of an empty store: every object has a greater one."""


T = TypeVar("T")
_Trust = ssl.SSLContext | bool
"""aiohttp's ``ssl`` argument: this context, or the default one."""


class CallCounter(Protocol):
    """Counts calls to the API server."""

    def record_call(self, verb: str, outcome: str) -> None:
        """Count one call; ``outcome`` is the HTTP status or ``error``."""


class Api:
    """The calls to the API server."""

    def __init__(
        self, load_access: Callable[[], ApiAccess], counter: CallCounter, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load_access = load_access
        self._counter = counter
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._access = load_access()
        self._file_versions = self._access.file_versions()
        self._ssl = _ssl_of(self._access)
        self._files_checked_at = clock()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Read one object; None if it does not exist."""
        return await self._call("GET", kind.path(namespace, quote(name)), absent_is_none=True)

    async def list_metadata(self, kind: Kind, namespace: str, chosen: Mapping[str, str]) -> MetadataList:
        """List the metadata of all selected objects, from the server's watch cache."""
        path = f"{kind.path(namespace)}?{urlencode({**chosen, 'resourceVersion': '0'})}"
        return await self._answer("GET", path, {"Accept": METADATA_LIST}, read=parse_metadata_list)

    async def watch_metadata(
        self, kind: Kind, namespace: str, chosen: Mapping[str, str], *, version: int, seconds: int
    ) -> AsyncIterator[tuple[str, Manifest]]:
        """Yield type and metadata of every event after ``version``, bookmarks included, for so many seconds."""
        query = {**chosen, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
        path = f"{kind.path(namespace)}?{urlencode({**query, 'resourceVersion': str(version)})}"
        timeout = aiohttp.ClientTimeout(total=seconds + _WATCH_GRACE_SECONDS, sock_connect=10)
        async with self._response("GET", path, {"Accept": METADATA}, timeout=timeout) as response:
            rest = b""
            async for chunk in response.content.iter_any():  # lines may be longer than aiohttp's limit
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield parse_metadata_event(line)

    async def find_in_list(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Read one object of a kind that the operator's role may list but not get."""
        query = urlencode({"fieldSelector": f"metadata.name={name}"})
        found = await self._call("GET", f"{kind.path(namespace)}?{query}") or {}
        items = found.get("items") or ()  # null instead of an empty list
        return next(({"apiVersion": kind.api_version, "kind": kind.name, **item} for item in items), None)

    async def events_about(self, namespace: str, uid: str) -> list[Manifest]:
        """List Kubernetes' events about one object."""
        query = urlencode({"fieldSelector": f"involvedObject.uid={uid}"})
        found = await self._call("GET", f"{EVENT.path(namespace)}?{query}") or {}
        return list(found.get("items") or ())

    async def apply(self, manifest: Manifest, *, subresource: str = "", only_new: bool = False) -> Manifest:
        """Server-side apply with force; return the object as it is now.

        ``only_new``: raise ``Conflict`` and change nothing if an object of that name exists, of any owner.
        """
        metadata = manifest["metadata"]
        path = kind_of(manifest).path(metadata["namespace"], metadata["name"], subresource)
        how = f"?fieldManager={FIELD_MANAGER}&force=true&fieldValidation=Strict"
        body = {**manifest, "metadata": {**metadata, "resourceVersion": _NO_VERSION}} if only_new else manifest
        return await self._call("PATCH", path + how, body, content_type=_APPLY) or {}

    async def create(self, manifest: Manifest) -> Manifest:
        """Create an object; raise ``Conflict`` if one of that name exists."""
        path = kind_of(manifest).path(manifest["metadata"]["namespace"])
        return await self._call("POST", f"{path}?fieldManager={FIELD_MANAGER}", manifest) or {}

    async def patch(self, manifest: Manifest) -> Manifest:
        """Merge-patch an existing object; for generated secrets, whose other fields must stay as they are."""
        metadata = manifest["metadata"]
        path = kind_of(manifest).path(metadata["namespace"], metadata["name"])
        return await self._call("PATCH", f"{path}?fieldManager={FIELD_MANAGER}", manifest, content_type=_MERGE) or {}

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str, version: int = 0) -> None:
        """Delete the object with this uid, and version if given; no error if it is gone, ``Conflict`` if it differs."""
        preconditions = {"uid": uid, **({"resourceVersion": str(version)} if version else {})}
        options = {"preconditions": preconditions, "propagationPolicy": "Background"}
        await self._call("DELETE", kind.path(namespace, name), options, absent_is_none=True)

    async def post_event(self, event: Manifest) -> None:
        """Create a Kubernetes event."""
        await self._call("POST", f"{EVENT.path(event['metadata']['namespace'])}?fieldManager={FIELD_MANAGER}", event)

    async def serves(self, kind: Kind) -> bool:
        """Return True if the API server serves the kind."""
        found = await self._call("GET", kind.path().rpartition("/")[0], absent_is_none=True)
        return any(resource.get("name") == kind.plural for resource in (found or {}).get("resources", ()))

    async def _call(
        self,
        verb: str,
        path: str,
        body: Manifest | None = None,
        *,
        content_type: str = "application/json",
        absent_is_none: bool = False,
    ) -> Manifest | None:
        sent = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        try:
            return await self._answer(verb, path, headers, sent, read=_DECODER.decode)
        except NotFound:
            if absent_is_none:
                return None
            raise

    async def _answer(
        self, verb: str, path: str, headers: Mapping[str, str], body: bytes | None = None, *, read: Callable[[bytes], T]
    ) -> T:
        async with self._response(verb, path, headers, body) as response:
            return read(await response.read())

    @asynccontextmanager
    async def _response(
        self,
        verb: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        timeout: aiohttp.ClientTimeout = _TIMEOUT,  # noqa: ASYNC109 - aiohttp's own
    ) -> AsyncIterator[ClientResponse]:
        outcome = "error"
        try:
            self._reload_access()
            self._session = self._session or _session()
            async with self._session.request(
                verb,
                f"{self._access.server}{path}",
                data=body,
                headers={**headers, **self._access.headers()},
                allow_redirects=False,
                ssl=self._ssl,
                timeout=timeout,
            ) as response:
                outcome = str(response.status)
                if response.status == _UNAUTHORIZED:
                    self._files_checked_at = -inf
                if response.status >= 300:  # noqa: PLR2004 - HTTP; redirects are refused
                    raise error_of(response.status, response.headers, await _status_of(response))
                yield response
        except AftersendError:
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.MsgspecError) as error:
            raise Transient(type(error).__name__, upstream=KUBERNETES) from None
        finally:
            self._counter.record_call(verb, outcome)

    def _reload_access(self) -> None:
        """Reload certificates if their files changed; calls under way keep the old ones."""
        if self._clock() - self._files_checked_at < _FILE_CHECK_SECONDS:
            return
        self._files_checked_at = self._clock()
        if self._access.file_versions() != self._file_versions:
            self._access = self._load_access()
            self._file_versions = self._access.file_versions()
            self._ssl = _ssl_of(self._access)


def kopf_session(access: ApiAccess, *middlewares: ClientMiddlewareType) -> aiohttp.ClientSession:
    """Return a session for kopf that authorizes every call with the current token."""

    async def authorize(request: ClientRequest, call: ClientHandlerType) -> ClientResponse:
        request.headers.update(access.headers())
        return await call(request)

    return _session(*middlewares, authorize, trust=_ssl_of(access))


def _session(*middlewares: ClientMiddlewareType, trust: _Trust = True) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trust, limit=0),  # watches stay open, workers are few
        timeout=_TIMEOUT,
        headers={"User-Agent": FIELD_MANAGER},
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=middlewares,
    )


def _ssl_of(access: ApiAccess) -> _Trust:
    return access.ssl_context() if access.server.startswith("https") else True


async def _status_of(response: ClientResponse) -> dict[str, Any]:
    try:
        return msgspec.json.decode(await response.content.read(_MAX_ERROR_BYTES), type=dict[str, Any])
    except UNDECODABLE:
        return {}
