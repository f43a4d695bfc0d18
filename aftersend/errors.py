"""All errors, sorted by what to do about them.

    AftersendError
    ├── Misconfigured        a setting, a file or a secret is wrong: a person must act
    ├── Transient            the same call may succeed later: retry
    │   ├── Later            not a failure: it is not due yet, no attempt counts
    │   └── StoreAway        Redis is away, read-only, full or refuses us: no attempt counts
    │       └── StoreFull    Redis is above its memory guard: refuse new work
    ├── CredentialsRefused   the upstream refuses our keys: open the circuit, alert a person
    ├── Rejected             the upstream refuses this order: no retry helps until the order changes
    └── Bug                  we sent an invalid request or met an impossible state: fix the code

Retry decisions read the type and nothing else. An error carries a short code and the path of a field, never a value:
names, addresses, article texts and parcel numbers must not be in messages, because messages end up in logs. Texts of
libraries' errors quote their input, so those are replaced at the boundary with ``raise … from None``.
"""

from aftersend.printable import printable


class AftersendError(Exception):
    """Root of all our errors; ``code`` is short and stable, ``path`` names the field at fault, if any."""

    def __init__(self, code: str, *, upstream: str = "", path: str = "", cure: str = "") -> None:
        code, path, cure = printable(code), printable(path), printable(cure)
        super().__init__(code, upstream, path, cure)
        self.code = code
        self.upstream = upstream
        self.path = path
        self.cure = cure

    def __str__(self) -> str:
        where = f" at {self.path}" if self.path else ""
        who = f"{self.upstream}: " if self.upstream else ""
        cure = f" – {self.cure}" if self.cure else ""
        return f"{who}{self.code}{where}{cure}"


class Misconfigured(AftersendError):
    """A setting, a file or a secret is missing or wrong; ``cure`` says what to change."""


class SecretMissing(Misconfigured):
    """A secret is missing, empty or unreadable: its circuit breaker treats that like refused keys."""


class Transient(AftersendError):
    """The same call may succeed later; ``retry_after`` is the upstream's Retry-After in seconds, if it sent one."""

    def __init__(self, code: str, *, upstream: str = "", path: str = "", retry_after: float | None = None) -> None:
        super().__init__(code, upstream=upstream, path=path)
        self.retry_after = retry_after


class Later(Transient):
    """Not due yet: retry in ``retry_after`` seconds; no attempt counts."""


class StoreAway(Transient):
    """Our own Redis does not serve us right now; no attempt counts."""


class StoreFull(StoreAway):
    """Redis is above its memory guard; producers refuse, so that consumers have room to drain."""


class CredentialsRefused(AftersendError):
    """The upstream refuses our keys: every call would fail, so the circuit opens until a secret changes."""


class Rejected(AftersendError):
    """The upstream refuses one order for good; ``order`` is its OrderID, ``path`` the field it names."""

    def __init__(self, code: str, *, upstream: str = "", path: str = "", order: str = "") -> None:
        super().__init__(code, upstream=upstream, path=path)
        self.order = order


class Bug(AftersendError):
    """We sent an invalid request, or met an impossible state: only a new release helps."""
