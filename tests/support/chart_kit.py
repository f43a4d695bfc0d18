"""Rendering the chart with the real helm, and finding things in what comes out."""

import functools
import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "aftersend"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
MISSING = "helm is missing: `make test-cluster` builds it from source, or install Helm 4"
Manifest = dict[str, Any]


class RefusedError(Exception):
    """helm refused the values or the chart; the text is what it said."""


@functools.cache
def helm() -> str:
    """``$HELM``, else the one that the test cluster built, else that of the PATH; skipped without any (fails in CI)."""
    from tools.test_cluster import build  # noqa: PLC0415 - only the chart's tests need to know

    built = build.binaries() / "helm"
    found = os.environ.get("HELM") or (str(built) if built.exists() else shutil.which("helm"))
    if found is None and os.environ.get("CI"):
        pytest.fail(MISSING)
    if found is None:
        pytest.skip(MISSING)
    return found


def call(*arguments: str, values: str | None = None) -> str:
    """Run helm with ``values`` (JSON) and return what it prints."""
    given = ("--values", "-") if values is not None else ()
    done = subprocess.run([helm(), *arguments, *given], input=values or "", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RefusedError(done.stderr)
    return done.stdout


class _StrictYamlLoader(yaml.CSafeLoader):
    """A key that stands twice is an error: which one counts depends on the reader."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        mapping = super().construct_mapping(node, deep=deep)
        assert len(mapping) == len(node.value), f"a key stands twice near {node.start_mark}"
        return mapping


@functools.cache
def _rendered(values: str, release: str, options: tuple[str, ...]) -> str:
    """As JSON, which is read in no time: every test gets manifests of its own."""
    text = call("template", release, str(CHART), "--namespace", "operators", *options, values=values)
    return json.dumps([document for document in yaml.load_all(text, Loader=_StrictYamlLoader) if document])


def render(
    values: dict[str, Any] | None = None, *wishes: str, release: str = "aftersend", knows: str = ""
) -> list[Manifest]:
    """All manifests; a wish is a ``--set``, ``knows`` an API the cluster has beyond its own."""
    options = tuple(f"--set={wish}" for wish in wishes) + ((f"--api-versions={knows}",) if knows else ())
    manifests: list[Manifest] = json.loads(_rendered(json.dumps(values or {}), release, options))
    return manifests


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """Those of one kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def one(manifests: list[Manifest], kind: str, name: str = "aftersend") -> Manifest:
    """The only one of this kind and name."""
    (found,) = (each for each in of_kind(manifests, kind) if each["metadata"]["name"] == name)
    return found


def operator_container(manifests: list[Manifest]) -> Manifest:
    """The operator's container."""
    (deployment,) = of_kind(manifests, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(container)


def environment(manifests: list[Manifest]) -> dict[str, str]:
    """The operator's environment; what the cluster fills in is ``<field>``."""
    return {
        entry["name"]: entry["value"] if "value" in entry else f"<{entry['valueFrom']['fieldRef']['fieldPath']}>"
        for entry in operator_container(manifests)["env"]
    }


def pods(manifests: list[Manifest]) -> list[Manifest]:
    """Every pod's spec: of deployments and of bare pods."""
    inside = [each["spec"]["template"]["spec"] for each in of_kind(manifests, "Deployment")]
    return inside + [each["spec"] for each in of_kind(manifests, "Pod")]
