"""Write inventories (SBOM, CycloneDX 1.6): ``make sbom``, or ``python -m tools.supply_chain.sbom FOLDER``.

    service.cdx.json      the image of the services: Python packages, its base image, Redis beside it
    operator.cdx.json     the image of the operator
    wheel.cdx.json        the wheel with its extra, at the versions that it was tested with
    development.cdx.json  what builds and tests

The same sources give the same bytes: serial numbers follow from the contents, the time from ``SOURCE_DATE_EPOCH``. A
package has the hashes of all files that may be installed; which one it is depends on the machine. What Debian brings
with the base image is known when that has been pulled: ``--root FOLDER`` reads the package lists of an unpacked image.
"""

import argparse
import json
import os
import re
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from aftersend import __version__
from tools.supply_chain.packages import ROOT, PinnedPackage, all_pinned, licence_of, pinned

Component = dict[str, Any]
NAMES: Final = ("service", "operator", "wheel", "development")
DEFAULT_EPOCH: Final = 1_580_601_600
"""The time that hatchling writes into a wheel, too."""
_NAMESPACE: Final = uuid.UUID("6f1b4a3e-6d0b-5a3c-9d5f-3a1c8a6b2f10")
_BASE: Final = re.compile(r"^ARG BASE=(\S+?)(?::([\w.-]+))?@sha256:([0-9a-f]{64})$", re.MULTILINE)
_UNINSTALLED: Final = re.compile(
    r"(\[ \"\$OPERATOR\" = 0 \] \|\| )?\S+ --python \S+ uninstall -y ([\w -]+?)(?:;| \\|$)", re.MULTILINE
)


def inventory(name: str, *, debian: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """Return the inventory of one of ``NAMES``; ``debian``: names and versions of the base image's packages."""
    packages = packages_of(name)
    root = _ours("container" if name in {"service", "operator"} else "library", name)
    components = sorted([*map(_python, packages), *_of_image(name, debian)], key=lambda each: str(each["bom-ref"]))
    content = {
        "metadata": {"timestamp": _timestamp(), "component": root},
        "components": components,
        "dependencies": list(_dependencies(root["bom-ref"], packages)),
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps([name, content], sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", "version": 1}
    return {**head, **content}


def packages_of(name: str) -> list[PinnedPackage]:
    """Return the Python packages in an image, of the wheel, or of development."""
    if name == "wheel":
        return pinned("operator")
    if name == "development":
        return all_pinned()
    gone = uninstalled(operator=name == "operator")
    return [each for each in pinned("operator" if name == "operator" else "runtime") if each.name not in gone]


def uninstalled(*, operator: bool) -> set[str]:
    """Return the packages that the Dockerfile takes out of an image."""
    found = _UNINSTALLED.findall((ROOT / "Dockerfile").read_text())
    return {name for only_operator, names in found if operator or not only_operator for name in names.split()}


def _ours(kind: str, name: str) -> Component:
    image = {"service": "aftersend", "operator": "aftersend-operator"}.get(name, "aftersend")
    purl = f"pkg:oci/{image}@{__version__}" if kind == "container" else f"pkg:pypi/aftersend@{__version__}"
    licences = [{"expression": "Apache-2.0"}]
    return {
        "type": kind,
        "bom-ref": "aftersend",
        "name": image,
        "version": __version__,
        "purl": purl,
        "licenses": licences,
    }


def _python(package: PinnedPackage) -> Component:
    hashes = [{"alg": "SHA-256", "content": value} for algorithm, value in package.hashes if algorithm == "sha256"]
    made: Component = {
        "type": "library",
        "bom-ref": package.name,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "licenses": [{"expression": licence_of(package.name)}],
        "hashes": hashes,
    }
    if package.marker:
        made["properties"] = [{"name": "aftersend:marker", "value": package.marker}]
    return made


def _of_image(name: str, debian: Sequence[tuple[str, str]]) -> Iterator[Component]:
    if name not in {"service", "operator"}:
        return
    base = _BASE.search((ROOT / "Dockerfile").read_text())
    if base is None:
        raise ValueError("the Dockerfile names no base image by digest")
    yield _image("base-image", base[1], base[2] or "", base[3], "required")
    redis = yaml.safe_load((ROOT / "charts/aftersend/values.yaml").read_text())["images"]["redis"]
    digest = str(redis["digest"]).removeprefix("sha256:")
    yield _image("redis-image", redis["repository"], redis["tag"], digest, "optional")
    for package, version in debian:
        purl = f"pkg:deb/debian/{package}@{version}"
        yield {"type": "library", "bom-ref": f"deb:{package}", "name": package, "version": version, "purl": purl}


def _image(reference: str, repository: str, tag: str, digest: str, scope: str) -> Component:
    made = {"type": "container", "bom-ref": reference, "name": repository, "version": tag, "scope": scope}
    return {**made, "hashes": [{"alg": "SHA-256", "content": digest}]} if digest else made


def _dependencies(root: str, packages: Sequence[PinnedPackage]) -> Iterator[Component]:
    for name in (root, *sorted(each.name for each in packages)):
        needed = sorted(each.name for each in packages if name in each.required_by)
        yield {"ref": name, "dependsOn": needed}


def _timestamp() -> str:
    moment = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or DEFAULT_EPOCH), UTC)
    return moment.isoformat().replace("+00:00", "Z")


def debian_packages(root: Path) -> list[tuple[str, str]]:
    """Return what dpkg knows in an unpacked image: one file, or one per package as distroless images have them."""
    files = [root / "var/lib/dpkg/status", *sorted((root / "var/lib/dpkg/status.d").glob("*"))]
    stanzas = (part for file in files if file.is_file() for part in file.read_text(errors="replace").split("\n\n"))
    return sorted({found for part in stanzas if (found := _stanza(part))})


def _stanza(text: str) -> tuple[str, str] | None:
    fields = dict(re.findall(r"^(Package|Version): (\S+)$", text, re.MULTILINE))
    return (fields["Package"], fields["Version"]) if len(fields) == 2 else None  # noqa: PLR2004 - both


def write(folder: Path, names: Iterable[str], *, root: Path | None = None) -> None:
    """Write inventories into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        made = inventory(name, debian=debian_packages(root) if root else ())
        (folder / f"{name}.cdx.json").write_text(json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def main(arguments: Sequence[str]) -> None:
    """Write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.supply_chain.sbom")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=NAMES, help="this inventory instead of all")
    parser.add_argument("--root", type=Path, help="folder of an unpacked image, for Debian's packages")
    wanted = parser.parse_args(arguments)
    write(wanted.folder, [wanted.only] if wanted.only else NAMES, root=wanted.root)


if __name__ == "__main__":
    main(sys.argv[1:])
