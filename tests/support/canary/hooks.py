"""Webhooks full of marks: as Sendcloud sends them, and as it never should."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from aftersend_sandbox.sendcloud.parcels import parcel_body
from aftersend_sandbox.world.sendcloud_account import SendcloudParcel
from tests.support.canary.marks import ODD, PARCELS, PEOPLE, SECRETS
from tests.support.canary.scene import HOOK, CanaryScene

_WRONG = {"Sendcloud-Signature": ODD["header"]}
_STRANGE_HEADERS = {
    "Cookie": f"session={ODD['header']}",
    "Authorization": f"Bearer {ODD['header']}",
    "User-Agent": ODD["header"],
    "X-Forwarded-For": ODD["header"],
    "tracestate": f"x={ODD['header']}",
    "traceparent": f"00-{ODD['header']}",
    "baggage": f"who={ODD['header']}",
}


class Hook(NamedTuple):
    """One call; ``more`` is added to the address."""

    body: bytes
    headers: dict[str, str]
    expected: int
    more: str = ""
    method: str = "POST"


def signed(body: bytes, key: str = SECRETS["signature key"]) -> dict[str, str]:
    """The header that proves where a body comes from."""
    return {"Sendcloud-Signature": hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}


def webhook(parcel: dict[str, Any], /, **envelope: Any) -> bytes:
    """A body around a parcel."""
    document = {"action": "parcel_status_changed", "timestamp": int(time.time() * 1000), "parcel": parcel, **envelope}
    return json.dumps(document).encode()


def marked(parcel: SendcloudParcel) -> dict[str, Any]:
    """The parcel in the form of v2, with marked number, link and carrier."""
    marks = {
        "tracking_number": PARCELS["number"],
        "tracking_url": f"https://{PARCELS['link']}/?n={PARCELS['number']}",
        "carrier": {"code": PARCELS["carrier"]},
        "note": PEOPLE["note"],
        "errors": {"address": [PEOPLE["street"]]},
    }
    return parcel_body(parcel) | marks


def odd_hooks(parcel: dict[str, Any]) -> Iterator[Hook]:
    """Calls that end in anything but a stored event; ``parcel`` is a parcel in the form of v2."""
    for body in _unreadable(parcel):
        yield Hook(body, signed(body) | _STRANGE_HEADERS, 400)
    for body in _ignored(parcel):
        yield Hook(body, signed(body) | _STRANGE_HEADERS, 200)
    body = webhook(parcel)
    yield Hook(body, {**_STRANGE_HEADERS, **_WRONG}, 401)
    yield Hook(body, _STRANGE_HEADERS, 401, more=f"?{ODD['query']}={ODD['query']}")
    yield Hook(body, signed(body), 404, more=f"/{ODD['path']}?{ODD['query']}")
    yield Hook(body, signed(body), 405, method="PUT")


def _unreadable(parcel: dict[str, Any]) -> Iterator[bytes]:
    whole = webhook(parcel)
    yield f"<html>{ODD['quoted']} {PEOPLE['city']}</html>".encode()
    yield whole[: whole.index(b"status")]
    yield whole.replace(b'"parcel"', b'"\xff\xfeparcel"', 1)
    yield PEOPLE["city"].encode("utf-16")
    yield json.dumps([parcel]).encode()
    yield json.dumps(PEOPLE["last name"]).encode()
    yield webhook(parcel, action={ODD["odd value"]: 1})
    yield webhook(parcel, parcel=[parcel])
    yield webhook(parcel | {"id": None})
    yield webhook(parcel | {"id": ODD["odd value"]})
    yield webhook(parcel | {"id": {PEOPLE["phone"]: ODD["odd value"]}})
    yield webhook(parcel | {"tracking_number": PARCELS["number"] * 40})
    yield webhook(parcel | {"tracking_number": {PARCELS["number"]: PARCELS["number"]}})
    yield b'{"action": "parcel_status_changed", "parcel": ' + b"[" * 9999 + json.dumps(PEOPLE["city"]).encode()


def _ignored(parcel: dict[str, Any]) -> Iterator[bytes]:
    yield webhook(parcel, action=ODD["lower word"])
    yield webhook(parcel, action=f"{ODD['odd value']} {PEOPLE['last name']}")
    yield webhook(
        parcel, action=f"integration_{ODD['lower word']}", integration_credentials={"key": SECRETS["secret key"]}
    )
    yield webhook(parcel, action="return_created")
    yield webhook(parcel | {"tracking_number": "", "id": 700_001})
    yield webhook(parcel | {"is_return": True, "id": 700_002, "status": ODD["odd value"]})


def odd_parcels(parcel: dict[str, Any]) -> Iterator[bytes]:
    """Events that are stored although much of them makes no sense."""
    yield webhook(parcel | {"status": {"id": 424242, "message": ODD["odd value"]}}, timestamp=ODD["odd value"])
    yield webhook(parcel | {"status": ODD["odd value"], "collo_nr": ODD["odd value"], "carrier": [ODD["odd value"]]})
    yield webhook(parcel | {"date_updated": ODD["odd value"], "tracking_url": f"javascript:{ODD['odd value']}"})
    foreign = {
        "id": 700_003,
        "order_number": PARCELS["foreign order"],
        "external_order_id": None,
        "tracking_number": PARCELS["foreign number"],
    }
    yield webhook(parcel | foreign)
    yield webhook(parcel | foreign | {"id": 700_004, "external_order_id": PARCELS["foreign order"]})


async def call_unsigned(scene: CanaryScene) -> None:
    """Say things on the public port that are no HTTP, or that end before they are complete."""
    start = f"POST {HOOK} HTTP/1.1\r\nHost: x\r\n"
    for text in (
        f"{start}Content-Length: {ODD['header']}\r\n\r\n",
        f"{start}{ODD['header']}\x00: {PEOPLE['city']}\r\n\r\n",
        f"{ODD['odd value']} {ODD['path']} {ODD['quoted']}\r\n\r\n",
        f"GET http://[{ODD['path']}/ HTTP/1.1\r\nHost: {ODD['header']}\r\n\r\n",
        f"GET {HOOK} HTTP/1.1\r\nHost: x\r\nX-Long: {ODD['header'] * 2000}\r\n\r\n",
        f"POST {HOOK}?{ODD['query']} HTTP/1.1\r\nHost: x\r\nContent-Length: {2**21}\r\nConnection: close\r\n\r\n",
    ):
        await _say(scene, text, is_whole=True)
    for text in (
        f"{start}Transfer-Encoding: chunked\r\n\r\n{PEOPLE['zip']}x\r\n{PEOPLE['city']}\r\n",
        f"{start}Content-Encoding: gzip\r\nContent-Length: 99\r\n\r\n{PEOPLE['zip']}",
    ):
        await _say(scene, text, is_whole=False)


async def _say(scene: CanaryScene, text: str, *, is_whole: bool) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.webhook_port)
    writer.write(text.encode())
    if not is_whole:
        writer.write_eof()
    answer = await reader.read()
    assert answer or not is_whole, text
    scene.answers.append(answer)
    writer.close()
