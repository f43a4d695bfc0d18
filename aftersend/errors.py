"""What can go wrong, sorted by what to do about it.

    AftersendError
    ├── Misconfigured        a setting, a file or a secret is wrong: a person must act
    ├── Transient            the same call may succeed later: retry
    │   ├── Later            not a failure at all: the thing is not due yet
    │   └── StoreAway        Redis is gone, read-only, refuses us or is full: nobody's attempt failed
    │       └── StoreFull    Redis is above its high-water mark: refuse new work
    ├── CredentialsRefused   the other side knows us no more: stop calling, tell a person
    ├── Rejected             the other side refuses this order: no retry helps until the order changes
    └── Bug                  we sent nonsense or met an impossible state: fix the code

Retry decisions read the type and nothing else. An error carries a short code and the path of a field, never a value:
names, addresses, article texts and parcel numbers must not travel in messages, because messages end up in logs.
Errors that were raised by libraries quote their input, so they are replaced at the boundary with ``raise … from None``.
"""


class AftersendError(Exception):
    """Root of all our errors; ``code`` is short and stable, ``path`` names the field if one is to blame."""

    def __init__(self, code: str, *, upstream: str = "", path: str = "", cure: str = "") -> None:
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


class Misconfigured(AftersendError):  # noqa: N818 - domain words, not "…Error"
    """A setting, a file or a secret is missing or wrong; ``cure`` says what to change."""


class SecretMissing(Misconfigured):
    """A secret is missing, empty or cannot be read: for its upstream, that is like keys that are refused."""


class Transient(AftersendError):  # noqa: N818
    """The same call may succeed later. ``retry_after`` (seconds) is what the other side asked for, if it did."""

    def __init__(self, code: str, *, upstream: str = "", path: str = "", retry_after: float | None = None) -> None:
        super().__init__(code, upstream=upstream, path=path)
        self.retry_after = retry_after


class Later(Transient):
    """Not due yet: come back in ``retry_after`` seconds without counting it as an attempt."""


class StoreAway(Transient):
    """Our own Redis does not serve us right now; no attempt counts that fails for it."""


class StoreFull(StoreAway):
    """Redis is above its high-water mark; producers refuse so that consumers have room to drain."""


class CredentialsRefused(AftersendError):  # noqa: N818
    """The other side refuses our keys: every call would fail, so the circuit opens until a secret changes."""


class Rejected(AftersendError):  # noqa: N818
    """The other side refuses one order for good; ``order`` is its OrderID, ``path`` the field it names."""

    def __init__(self, code: str, *, upstream: str = "", path: str = "", order: str = "") -> None:
        super().__init__(code, upstream=upstream, path=path)
        self.order = order


class Bug(AftersendError):  # noqa: N818
    """We sent what no correct client sends, or met what cannot be: only a new release helps."""
