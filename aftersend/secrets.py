"""Secret files, read again when they change.

Kubernetes mounts one file per key and swaps the whole folder by a symbolic link; ``aftersend up`` writes plain files.
Both are noticed the same way: every access compares the file's version (inode, size, time of change) with that of the
last read, and reads again only if it differs. So a rotated secret is in use at the next call, well within 30 seconds,
without a restart or a signal. Trailing white space is stripped; ``repr`` shows names only.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aftersend.errors import SecretMissing

_MAX_BYTES = 64 * 1024
FileVersion = tuple[int, int, int]
"""Inode, size, time of change in nanoseconds."""


@dataclass(slots=True)
class SecretFiles:
    """One folder of secrets, such as ``<secrets>/afterbuy``."""

    folder: Path
    changed: Callable[[str], None] = field(default=lambda name: None, repr=False)  # noqa: ARG005 - explains itself
    """Called with the name (folder and key) of each secret that changed, appeared or vanished since the last read."""
    _listed: list[str] | None = field(default=None, repr=False)
    _seen: dict[str, tuple[FileVersion, str]] = field(default_factory=dict, repr=False)
    _split: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict, repr=False)
    """The lines of a key, beside the text that they were split from."""

    def optional(self, key: str) -> str:
        """Return the value of one key, or an empty text if there is no such file."""
        try:
            status = os.stat(f"{self.folder}/{key}")  # noqa: PTH116 - each webhook asks; building a path costs ten times as much
            version = (status.st_ino, status.st_size, status.st_mtime_ns)
            known = self._seen.get(key)
            if known and known[0] == version:
                return known[1]
            value = self._read(self.folder / key)
        except (FileNotFoundError, NotADirectoryError):
            self._seen.pop(key, None)
            return ""
        except OSError as error:
            raise self._unreadable(f"secret {self.name(key)}", error) from None
        self._seen[key] = (version, value)
        if known and known[1] != value:
            self.changed(self.name(key))
        return value

    def required(self, key: str) -> str:
        """Return the value of one key; ``SecretMissing`` if it is missing or empty."""
        (value,) = self.all_of(key)
        return value

    def all_of(self, *keys: str) -> list[str]:
        """Return the values of these keys; ``SecretMissing`` names every one that is missing or empty."""
        values = [self.optional(key) for key in keys]
        missing = [self.name(key) for key, value in zip(keys, values, strict=True) if not value]
        if missing:
            subject = f"secret {missing[0]} is" if len(missing) == 1 else f"secrets {' and '.join(missing)} are"
            raise SecretMissing(f"{subject} missing", cure="put the key into that file; on Kubernetes into the Secret")
        return values

    @property
    def is_mounted(self) -> bool:
        """Whether Kubernetes mounts the folder, and adds keys to it while this process runs."""
        return (self.folder / "..data").is_symlink()

    def missing(self, *keys: str) -> list[str]:
        """Return the names of those keys that are missing, empty or unreadable."""
        return [self.name(key) for key in keys if not self._readable(key)]

    def unusable(self) -> list[str]:
        """Return the names of the keys that exist and are empty or unreadable."""
        try:
            return self.missing(*self.names())
        except SecretMissing:
            return [self.folder.name]

    def lines(self, key: str) -> tuple[str, ...]:
        """Return all non-empty lines of one key: several are valid while one is being replaced."""
        text = self.optional(key)
        known = self._split.get(key)
        if known is None or known[0] is not text:
            known = self._split[key] = (text, tuple(line.strip() for line in text.splitlines() if line.strip()))
        return known[1]

    def names(self) -> list[str]:
        """Return the keys that exist, sorted, without hidden entries (Kubernetes' own links)."""
        try:
            found = sorted(entry.name for entry in self.folder.iterdir() if not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            found = []
        except OSError as error:
            raise self._unreadable(f"folder {self.folder.name}", error) from None
        known, self._listed = self._listed, found
        for key in set(found).symmetric_difference(found if known is None else known):
            self.changed(self.name(key))
        return found

    def name(self, key: str) -> str:
        """Return the name of one key for messages: folder and key, never the value."""
        return f"{self.folder.name}/{key}"

    def _readable(self, key: str) -> str:
        with suppress(SecretMissing):
            return self.optional(key)
        return ""

    @staticmethod
    def _unreadable(what: str, error: OSError) -> SecretMissing:
        cure = "check permissions, and the limit of open files"
        return SecretMissing(f"{what} cannot be read ({type(error).__name__})", cure=cure)

    def _read(self, path: Path) -> str:
        raw = path.read_bytes()[:_MAX_BYTES]
        try:
            return raw.decode().rstrip()
        except UnicodeDecodeError:
            raise SecretMissing(f"secret {self.name(path.name)} is not UTF-8 text", cure="store it as text") from None
