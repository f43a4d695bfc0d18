"""What a tenant keeps in Redis, seen from outside: names of keys, kinds of values, fields of entries, sealed forms."""

import re
from collections import defaultdict

from tests.contracts.served_tenant import PREFIX, ServedTenant
from tests.support.snapshots import Compare, as_yaml, lines

_PLACES = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<run>"),
    (re.compile(r"\d+"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "<date>"),
    (re.compile(r"[0-9a-f]{16}"), "<mark>"),
)
_AFTER_A_WAIT = {"upstream", "remaining"}
"""Only an event that was delayed carries these; whether one is due again by now is a matter of time."""
_COUNTERS = ((re.compile(r"took:\d+"), "took:<seconds>"), (re.compile(r"(export|sweep)\.\w+"), "<kind>.<outcome>"))
"""Fields of a day that depend on how long the work takes."""
_SEALED = re.compile(rb"\d{8}(-\d{1,9})?:.{40,}", re.DOTALL)
_PUBLICLY_SEALED = re.compile(rb"\d{8}(-\d{1,9})?!.{72,}", re.DOTALL)


def pattern(key: str) -> str:
    """A name of a key with ids replaced."""
    parts = key.removeprefix(PREFIX).split(":")
    return ":".join(next((name for form, name in _PLACES if form.fullmatch(part)), part) for part in parts)


def form(value: bytes) -> str:
    if _SEALED.fullmatch(value):
        return "<key id>:<nonce, ciphertext>"
    if _PUBLICLY_SEALED.fullmatch(value):
        return "<key id>!<ephemeral public key, nonce, ciphertext>"
    return "JSON" if value.startswith(b"{") else "text"


def counter(field: str) -> str:
    """A field of a hash, the same on every day."""
    return next((name for known, name in _COUNTERS if known.fullmatch(field)), field)


def test_every_key_that_is_ever_used(tenant: ServedTenant, contract: Compare) -> None:
    used = {word for command in tenant.commands for word in command if word.startswith("aftersend:")}
    assert all(word.startswith(PREFIX) for word in used)
    contract("redis_keys.txt", lines({pattern(word) for word in used}))


def test_values_that_stay(tenant: ServedTenant, contract: Compare) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for key, (kind, expires, content) in tenant.stored.items():
        if ":lease:" not in key:  # comes and goes with the work
            words = {form(value) if kind == "string" else counter(value.decode()) for value in content}
            found[f"{pattern(key)} ({kind}{', expires' if expires else ''})"] |= words
    contract("redis_values.yaml", as_yaml({name: sorted(words) for name, words in found.items()}))


def test_fields_of_an_entry_on_a_stream(tenant: ServedTenant, contract: Compare) -> None:
    """Before any command seals entries anew: which of them still wait by then is a matter of time."""
    rows = set()
    for command in tenant.commands[: tenant.lived]:
        if command[0].upper() == "XADD" and "*" in command:
            fields = dict(zip(*[iter(command[command.index("*") + 1 :])] * 2, strict=True))
            if (fields.get("type"), fields.get("source")) == ("parcel.changed", "sweep"):
                continue  # depends on what webhooks have brought before
            if fields.get("v") == "1":
                sealed = form(fields["data"].encode("latin-1"))
                names = " ".join(name for name in fields if name not in _AFTER_A_WAIT)
                rows.add(f"{pattern(command[1])} {fields['type']}: {names}; data {sealed}")
    contract("redis_entries.txt", lines(rows))
