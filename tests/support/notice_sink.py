"""Everybody who is notified, in one place: pager, chat and mail server that keep what arrives.

Addresses of the HTTP side: ``/pagerduty``, ``/webhook``, ``/chat``; the mail server speaks just enough SMTP. A message
is kept as ``SentNotification`` with its channel, its subject (what a person sees first) and the whole body.
"""

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE = 120.0


@dataclass(frozen=True)
class SentNotification:
    """One message: ``channel`` is pagerduty, webhook, chat or mail; ``body`` is JSON, or the parts of a mail."""

    channel: str
    subject: str
    body: dict[str, Any]
    authorization: str = ""

    @property
    def resolved(self) -> bool:
        """It says that all is well again."""
        return (
            self.body.get("event_action") == "resolve"
            or self.body.get("status") == "resolved"
            or self.subject.startswith(("RESOLVED", "BEHOBEN"))
        )

    def __str__(self) -> str:
        """All of it, to look for words in."""
        return json.dumps([self.subject, self.body], ensure_ascii=False)


@dataclass
class Sink:
    """What arrived, in order."""

    url: str = ""
    smarthost: str = ""
    notices: list[SentNotification] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def keep(self, notice: SentNotification) -> None:
        """One more."""
        with self._news:
            self.notices.append(notice)
            self._news.notify_all()

    def wait_for(self, wanted: Callable[[SentNotification], bool], *, patience: float = PATIENCE) -> SentNotification:
        """The first that is wanted, now or as soon as it comes."""
        with self._news:
            found = self._news.wait_for(lambda: next(filter(wanted, self.notices), None), timeout=patience)
        assert found is not None, "nothing like that among:\n" + "\n".join(map(str, self.notices))
        return found


@contextmanager
def sink() -> Iterator[Sink]:
    """A sink that listens on the loopback interface."""
    kept = Sink()
    with ThreadingHTTPServer(("127.0.0.1", 0), _http(kept)) as http, _SinkServer(("127.0.0.1", 0), _smtp(kept)) as smtp:
        kept.url = f"http://127.0.0.1:{http.server_address[1]}"
        kept.smarthost = f"127.0.0.1:{smtp.server_address[1]}"
        for server in (http, smtp):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield kept
        finally:
            http.shutdown()
            smtp.shutdown()


class _SinkServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


def _http(kept: Sink) -> type[BaseHTTPRequestHandler]:
    class Http(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            channel = self.path.strip("/")
            kept.keep(SentNotification(channel, _subject(channel, body), body, self.headers.get("Authorization", "")))
            answer = b"ok"
            self.send_response(202 if channel == "pagerduty" else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Http


def _subject(channel: str, body: dict[str, Any]) -> str:
    if channel == "pagerduty":
        return str((body.get("payload") or {}).get("summary", ""))
    if channel == "chat":
        return str(body["attachments"][0]["title"])
    return str(body["commonAnnotations"].get("summary", ""))


def _smtp(kept: Sink) -> type[socketserver.StreamRequestHandler]:
    class Smtp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 sink\r\n")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    kept.keep(_mail(b"".join(line.removeprefix(b".") for line in lines)))
                self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
                if verb == b"QUIT":
                    return

    return Smtp


def _mail(raw: bytes) -> SentNotification:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    parts = {part.get_content_type(): part.get_content().replace("\r\n", "\n").strip() for part in leaves}
    about = {name.lower(): str(message[name]) for name in ("To", "X-Aftersend-Alert")}
    return SentNotification("mail", str(message["Subject"]), about | parts)
