"""Where opened credentials go: Kubernetes Secrets as YAML, or folders as ``aftersend up`` reads them."""

import base64
import os
from pathlib import Path

import yaml

from aftersend.errors import Misconfigured
from aftersend.handover.contents import SealedCredentials


def as_secrets(found: SealedCredentials, *, namespace: str) -> str:
    """Return the Secrets ``<tenant>-afterbuy`` and ``<tenant>-sendcloud``."""
    return yaml.safe_dump_all(
        (_secret(f"{found.tenant}-{folder}", namespace, values) for folder, values in found.files().items()),
        explicit_start=True,
        sort_keys=False,
    )


def write_folders(found: SealedCredentials, folder: Path, *, force: bool) -> list[Path]:
    """Write one file per key, readable by the owner only; none if one of them is there and ``force`` is off."""
    values = {folder / part / name: value for part, keys in found.files().items() for name, value in keys.items()}
    there = [path for path in values if path.exists()]
    if there and not force:
        raise Misconfigured("there is a key already", path=str(there[0]), cure="add --force to replace it")
    try:
        for path, value in values.items():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, value)
    except OSError as error:
        raise Misconfigured(f"cannot be written ({type(error).__name__})", path=str(folder)) from None
    return list(values)


def _write(path: Path, value: str) -> None:
    """Replace a file at once: a reader sees the old or the new value."""
    beside = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(value + "\n")
    beside.replace(path)


def _secret(name: str, namespace: str, values: dict[str, str]) -> dict[str, object]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
