"""Make key files: data keys, the fingerprint key, and the seal keys that follow from data keys.

Files are written aside and moved into place, so half a key is never visible. Data keys are never replaced. Seal keys
are: they are public halves of what lies in ``data-key/``, and nothing is lost with them.
"""

import base64
import os
from datetime import UTC, datetime
from pathlib import Path

from aftersend.key_agreement import public_half
from aftersend.key_folder import KEY_BYTES, age_of, decoded, is_key_name
from aftersend.sealing import FINGERPRINT
from aftersend.secrets import SecretFiles


def make_next_key(folder: Path) -> str:
    """Add a key that is newer than all others, and return its id; ``OSError`` if the folder cannot be written."""
    today = datetime.now(UTC).strftime("%Y%m%d")
    while True:
        newest = max(_names(folder), key=age_of, default="")
        day, number = age_of(newest) if newest else ("", 0)
        name = today if today > day else f"{day}-{number + 1}"
        if _add_key(folder / name):
            return name


def make_data_keys(folder: Path) -> None:
    """Create a data key and the fingerprint key where there are none; readable by the owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _names(folder):
        _add_key(folder / datetime.now(UTC).strftime("%Y%m%d"))
    if not (folder / FINGERPRINT).exists():
        _add_key(folder / FINGERPRINT)


def write_seal_keys(secrets: Path) -> None:
    """Bring ``seal-key/`` in line with ``data-key/``; ``OSError`` if the folder cannot be written."""
    wanted, folder = _public_halves(secrets / "data-key"), secrets / "seal-key"
    if not wanted:
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    files = SecretFiles(folder)
    for name, text in wanted.items():
        if files.optional(name) != text:
            _written_aside(folder / name, text).replace(folder / name)
    for name in set(_names(folder)) - set(_names(secrets / "data-key")):
        (folder / name).unlink(missing_ok=True)


def foreign_seal_keys(secrets: Path) -> list[str]:
    """Return the names of seal keys that are not the public halves of the data keys beside them."""
    wanted, files = _public_halves(secrets / "data-key"), SecretFiles(secrets / "seal-key")
    return [name for name in _names(files.folder) if files.optional(name) != wanted.get(name)]


def _public_halves(folder: Path) -> dict[str, str]:
    files = SecretFiles(folder)
    keys = {name: decoded(files.optional(name)) for name in _names(folder)}
    return {name: base64.b64encode(public_half(key)).decode() for name, key in keys.items() if key}


def _names(folder: Path) -> list[str]:
    return [name for name in SecretFiles(folder).names() if is_key_name(name)]


def _add_key(path: Path) -> bool:
    """Link a new key into place; an existing one is never replaced (False)."""
    aside = _written_aside(path, base64.b64encode(os.urandom(KEY_BYTES)).decode())
    try:
        path.hardlink_to(aside)
    except FileExistsError:
        return False
    finally:
        aside.unlink()
    return True


def _written_aside(path: Path, text: str) -> Path:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)  # of a process with the same id that was killed here
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    return aside
