"""Kinds that a cluster may have beyond Kubernetes' own: the definitions as their makers publish them in Go modules.

Nothing of them is compiled, so they stand in no ``go.mod``: each module is pinned by version and hash here, and Go's
own cache keeps it. Versions that are a year old are the harder question, for later ones of ``v1`` only add fields.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class NotToBeHadError(Exception):
    """A module cannot be had or is not the one that was pinned; the text says why."""


@dataclass(frozen=True)
class AddOn:
    """Files with definitions in one Go module."""

    module: str
    hash: str
    folder: str
    files: tuple[str, ...]


ADD_ONS = (
    AddOn(
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        "example/prometheus-operator-crd",
        tuple(f"monitoring.coreos.com_{each}.yaml" for each in ("podmonitors", "prometheusrules", "servicemonitors")),
    ),
    AddOn(
        "sigs.k8s.io/gateway-api@v1.6.3",
        "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=",
        "config/crd/standard",
        ("gateway.networking.k8s.io_httproutes.yaml",),
    ),
)


def definitions() -> list[dict[str, Any]]:
    """The CustomResourceDefinitions of all add-ons.

    Raises:
        NotToBeHadError: Go is missing, or a module cannot be downloaded or has another hash.
    """
    return [yaml.safe_load((_folder(it) / it.folder / file).read_text()) for it in ADD_ONS for file in it.files]


def _folder(add_on: AddOn) -> Path:
    """The module unpacked, downloaded the first time."""
    try:
        done = subprocess.run(
            ["go", "mod", "download", "-json", add_on.module], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise NotToBeHadError("definitions of add-ons come as Go modules: install Go 1.21 or newer") from None
    reported = json.loads(done.stdout or "{}")
    if "Dir" not in reported:
        raise NotToBeHadError(f"{add_on.module}: {reported.get('Error') or done.stderr.strip()}")
    if reported["Sum"] != add_on.hash:
        raise NotToBeHadError(f"{add_on.module} has another hash: {reported['Sum']}")
    return Path(reported["Dir"])
