"""A pod without a cluster: its files and its environment exactly as the manifests say, below a folder.

Only what the manifests mount exists, so a process that works here has all the files and settings that it needs.
"""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aftersend_operator.model.naming import Manifest

Objects = Mapping[tuple[str, str], Manifest]
_INSIDE = ("/etc/", "/tmp", "/backups", "/dev/termination-log")


class PodFiles:
    """The only container of one pod template."""

    def __init__(self, template: Manifest, objects: Objects, root: Path) -> None:
        self.root = root
        self._spec = template["spec"]
        (self._container,) = self._spec["containers"]
        self.report = root / "dev" / "termination-log"
        self.report.parent.mkdir(parents=True)
        paths = {mount["name"]: mount["mountPath"] for mount in self._container["volumeMounts"]}
        for volume in self._spec["volumes"]:
            _fill(self._rooted(paths[volume["name"]]), volume, objects)

    @property
    def command(self) -> list[str]:
        """The command of the container."""
        return [self._inside(word) for word in self._container["command"]]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the container."""
        return {it["name"]: self._inside(it["value"]) for it in self._container["env"]}

    def paths(self) -> list[str]:
        """All files below the root, sorted."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    def _inside(self, text: str) -> str:
        return str(self._rooted(text)) if text.startswith(_INSIDE) else text

    def _rooted(self, path: str) -> Path:
        return self.root / path.lstrip("/")


def _fill(folder: Path, volume: Manifest, objects: Objects) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _contents(volume, objects):
        (folder / name).write_bytes(content)


def _contents(volume: Manifest, objects: Objects) -> Iterable[tuple[str, bytes]]:
    if "configMap" in volume:
        data = objects["ConfigMap", volume["configMap"]["name"]]["data"]
        yield from ((key, text.encode()) for key, text in data.items())
    for source in volume.get("projected", {}).get("sources", []):
        yield from _projected(source["secret"], objects)


def _projected(source: dict[str, Any], objects: Objects) -> Iterable[tuple[str, bytes]]:
    data = objects["Secret", source["name"]]["data"]
    for item in source.get("items", [{"key": key, "path": key} for key in data]):
        if item["key"] in data or not source.get("optional"):
            yield item["path"], base64.b64decode(data[item["key"]])
