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
GITOPS = (
    AddOn(
        "github.com/argoproj/argo-cd/v3@v3.0.6",
        "h1:se+HxTWz+QB2RmIHEIDG68gvWH2kh673vyjFKpbATY8=",
        "manifests/crds",
        ("application-crd.yaml", "applicationset-crd.yaml"),
    ),
    AddOn(
        "github.com/fluxcd/source-controller@v1.7.0",
        "h1:/fBgS4CSmT5Jj/fjQDF92y+pC3gst1GJjgNSzY8Ff9I=",
        "config/crd/bases",
        ("source.toolkit.fluxcd.io_gitrepositories.yaml",),
    ),
    AddOn(
        "github.com/fluxcd/helm-controller@v1.6.0",
        "h1:jlS5X11SG26gspubB5aLrdVSCm0q0tA4ULsY+vwSkL0=",
        "config/crd/bases",
        ("helm.toolkit.fluxcd.io_helmreleases.yaml",),
    ),
    AddOn(
        "github.com/fluxcd/kustomize-controller@v1.7.2",
        "h1:xmOWILtm9329M7MQCS/iCHXc2R+Xm9HjFSft9fh/PCA=",
        "config/crd/bases",
        ("kustomize.toolkit.fluxcd.io_kustomizations.yaml",),
    ),
    AddOn(
        "github.com/external-secrets/external-secrets@v1.3.2",
        "h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ=",
        "config/crds/bases",
        ("external-secrets.io_externalsecrets.yaml",),
    ),
    AddOn(
        "github.com/bitnami-labs/sealed-secrets@v0.40.0",
        "h1:rvCP35JL8ZV5LNA2SrwNR6iLyoM3ulrSFWN0lBtYEYI=",
        "helm/sealed-secrets/crds",
        ("bitnami.com_sealedsecrets.yaml",),
    ),
)
"""What ``examples/`` uses."""


def definitions(of: tuple[AddOn, ...] = ADD_ONS) -> list[dict[str, Any]]:
    """The CustomResourceDefinitions of add-ons.

    Raises:
        NotToBeHadError: Go is missing, or a module cannot be downloaded or has another hash.
    """
    return [yaml.safe_load((_folder(it) / it.folder / file).read_text()) for it in of for file in it.files]


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
