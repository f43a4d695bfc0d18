"""Errors of the API server, sorted by what to do about them.

    Transient (aftersend.errors)   401, 429, 5xx, no response: the same call may succeed later (with a newer token)
    ApiRefusal                     4xx: the same call fails again until something changes
    ├── NotFound                   404: there is no such object
    ├── Conflict                   409: the name is taken, or a precondition failed
    ├── Expired                    410: the resource version to resume from was compacted
    └── NamespaceTerminating       403 of a namespace that is being deleted: nothing is left to do there

Messages of the API server quote the object that was sent, so none of them is kept: an error carries the HTTP status,
the server's one-word reason, the paths of the invalid fields, and of an exceeded quota its name and amounts.
"""

import re
from collections.abc import Mapping
from typing import Any

from aftersend.errors import AftersendError, Transient

KUBERNETES = "kubernetes"
_EXCEEDED = re.compile(
    r"exceeded quota: [-.a-z0-9]+(, (requested|used|limited): [-./=A-Za-z0-9]+(,[-./=A-Za-z0-9]+)*)*"
    r"|m(ax|in)imum storage usage per PersistentVolumeClaim is [.A-Za-z0-9]+, but request is [.A-Za-z0-9]+"
)
_MAX_QUOTA_CHARS = 300
_MAX_FIELDS = 3
_MAX_FIELD_CHARS = 120


class ApiRefusal(AftersendError):  # noqa: N818 - domain words, not "…Error"
    """The API server refused the call; ``code`` is status and reason such as ``422 Invalid``."""

    quota: str = ""
    """Which quota or limit is exceeded and by what, in the server's own words: names and amounts."""


class NotFound(ApiRefusal):
    """There is no such object, or no such kind."""


class Conflict(ApiRefusal):
    """The object exists already, or a precondition (uid) failed."""


class Expired(ApiRefusal):
    """The resource version to resume from was compacted: list again."""


class NamespaceTerminating(ApiRefusal):
    """The namespace is being deleted."""


def error_of(status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> AftersendError:
    """Map a failed response to its error; ``body`` is the server's ``Status`` object, or empty."""
    reason = _word(body.get("reason"))
    code = f"{status} {reason}".strip()
    details = body.get("details")
    causes = details.get("causes") if isinstance(details, Mapping) else None
    causes = [cause for cause in causes if isinstance(cause, Mapping)] if isinstance(causes, list) else []
    if status in (401, 429) or status >= 500:  # noqa: PLR2004 - HTTP
        return Transient(code, upstream=KUBERNETES, retry_after=_seconds(headers.get("Retry-After")))
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return NamespaceTerminating(code, upstream=KUBERNETES)
    kind = {404: NotFound, 409: Conflict, 410: Expired}.get(status, ApiRefusal)
    refusal = kind(code, upstream=KUBERNETES, path=_fields(causes))
    refusal.quota = _quota(str(body.get("message", "")))
    return refusal


def _quota(message: str) -> str:
    found = _EXCEEDED.search(message)
    return found[0][:_MAX_QUOTA_CHARS] if found else ""


def _fields(causes: list[Mapping[str, Any]]) -> str:
    """Join the field paths; map keys in them are user input, hence the limits."""
    fields = dict.fromkeys(str(cause.get("field", ""))[:_MAX_FIELD_CHARS] for cause in causes)
    return ", ".join([field for field in fields if field][:_MAX_FIELDS])


def _word(value: object) -> str:
    return value if isinstance(value, str) and value.isalpha() else ""


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.isdecimal() else None
