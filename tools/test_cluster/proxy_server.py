"""Serve a fault proxy in a thread of its own, so that a test may wait for the effect in whatever way it likes.

with fault_proxy(cluster, token, tmp_path) as proxy:
proxy.fail(409, method="PATCH", path="/deployments/", times=3)
start_operator(kubeconfig=proxy.kubeconfig)
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from tools.test_cluster.cluster import Cluster
from tools.test_cluster.credentials import make_authority, sign
from tools.test_cluster.proxy import SESSION, FaultProxy

_CLIENT_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that aiohttp would add to a request that has none."""


@contextmanager
def fault_proxy(cluster: Cluster, token: str, folder: Path) -> Iterator[FaultProxy]:
    """A proxy as long as the block runs; ``folder`` takes its certificate, ``token`` stands in its kubeconfig."""
    authority = folder / "proxy"
    make_authority(authority)
    sign(authority, "server", "/CN=proxy", ["IP:127.0.0.1", "DNS:localhost"])
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    config = cluster.kubeconfig_with(
        {"token": token}, name=f"proxy-{port}", url=f"https://127.0.0.1:{port}", authority=authority / "ca.crt"
    )
    proxy = FaultProxy(config, _target=cluster.url)
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    served = _serve(proxy, listening, authority, cluster.authority, stop, ready)
    thread = threading.Thread(target=loop.run_until_complete, args=(served,))
    thread.start()
    try:
        if not ready.wait(timeout=30):
            raise RuntimeError("the fault proxy did not start")
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _serve(
    proxy: FaultProxy,
    listening: socket.socket,
    own: Path,
    theirs: Path | None,
    stop: asyncio.Event,
    ready: threading.Event,
) -> None:
    presented = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    presented.load_cert_chain(own / "server.crt", own / "server.key")
    trusted = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=theirs), limit=0)
    unlimited = aiohttp.ClientTimeout(total=None)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy.handle)
    async with aiohttp.ClientSession(
        connector=trusted, timeout=unlimited, auto_decompress=False, skip_auto_headers=_CLIENT_HEADERS
    ) as session:
        app[SESSION] = session
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.SockSite(runner, listening, ssl_context=presented).start()
        ready.set()
        await stop.wait()
        await runner.cleanup()
