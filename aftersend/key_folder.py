"""A folder of keys: one file per key, named ``YYYYMMDD`` or ``YYYYMMDD-n``, 32 bytes in padded base64.

Other names are ignored. All keys open; the newest name seals. But a newcomer beside older keys seals only ten minutes
after this process first saw it, because other processes may not have it yet; a process cannot know how old a file
really is (Kubernetes rewrites times), so it counts from when it first saw it.

The folder is read again every few seconds. A file that turns out broken while the process runs is ignored: the key
that was loaded stays in use, and ``check`` names the file.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Final

from aftersend.errors import Misconfigured
from aftersend.secrets import SecretFiles

KEY_BYTES: Final = 32
NEWCOMER_SECONDS: Final = 600
LOOK_SECONDS: Final = 3
_NAME: Final = re.compile(r"(\d{8})(?:-(\d{1,9}))?", re.ASCII)
_CURE: Final = "each key file holds 32 bytes in padded base64"


class KeyFolder:
    """The keys of one folder, as it shows them now."""

    def __init__(
        self,
        files: SecretFiles,
        *,
        kind: str,
        clock: Callable[[], float],
        is_usable: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        """``kind`` names the keys in errors; ``is_usable`` refuses keys that are broken in spite of their length."""
        self.files = files
        self._kind = kind
        self._clock = clock
        self._is_usable = is_usable
        self._keys: dict[str, bytes] = {}
        self._first_seen: dict[str, float] = {}
        self._broken: Misconfigured | None = None
        self._looked = float("-inf")
        self._settled = ""
        """The newest key, once it seals; empty after each look."""

    def keys(self) -> Mapping[str, bytes]:
        """Return the keys by name."""
        self._look()
        return self._keys

    def newest_first(self) -> list[str]:
        """Return the names of all keys; ``Misconfigured`` if there is none."""
        self._look()
        if not self._keys:
            raise self._broken or Misconfigured(
                f"no {self._kind} in {self.files.folder.name}/", cure=f"add a file YYYYMMDD; {_CURE}"
            )
        return sorted(self._keys, key=age_of, reverse=True)

    def sealing_key(self) -> tuple[str, bytes]:
        """Return name and content of the key that seals now; ``Misconfigured`` if there is none."""
        self._look()
        if not self._settled:
            newest_first = self.newest_first()
            since = self._clock() - NEWCOMER_SECONDS
            name = next((name for name in newest_first if self._first_seen[name] <= since), newest_first[-1])
            if name != newest_first[0]:
                return name, self._keys[name]
            self._settled = name
        return self._settled, self._keys[self._settled]

    def is_empty(self) -> bool:
        """Return True if there is neither a key nor a broken file."""
        self._look()
        return not self._keys and self._broken is None

    def check(self) -> None:
        """Raise ``Misconfigured`` if a key file is broken or none is there."""
        self._look(at_once=True)
        self.newest_first()
        if self._broken:
            raise self._broken

    def decoded(self, name: str, text: str) -> bytes:
        """Decode the content of a key file; ``Misconfigured`` if it is broken."""
        key = decoded(text)
        if key is None or not self._is_usable(key):
            raise Misconfigured(f"key file {self.files.name(name)} is broken", cure=_CURE)
        return key

    def _look(self, *, at_once: bool = False) -> None:
        now = self._clock()
        if not at_once and 0 <= now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        self._settled = ""
        self._broken = None
        try:
            names = [name for name in self.files.names() if is_key_name(name)]
        except Misconfigured as unreadable:
            self._broken = unreadable
            return
        found = {name: key for name in names if (key := self._load(name))}
        self._keys = found
        self._first_seen = {name: self._first_seen.get(name, now) for name in found}

    def _load(self, name: str) -> bytes | None:
        try:
            return self.decoded(name, self.files.optional(name))
        except Misconfigured as broken:
            self._broken = broken
            return self._keys.get(name)


def is_key_name(name: str) -> bool:
    """Return True for ``YYYYMMDD`` and ``YYYYMMDD-n``."""
    return _NAME.fullmatch(name) is not None


def age_of(name: str) -> tuple[str, int]:
    """Return what names are sorted by, the newest highest."""
    day, _, number = name.partition("-")
    return day, int(number or 0)


def decoded(text: str) -> bytes | None:
    """Decode padded base64 of 32 bytes; None if it is anything else."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None
