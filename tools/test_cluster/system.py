"""What a node-layer cluster needs beyond its processes: images, cluster DNS, rights of the agents, volumes."""

import json
import subprocess
from pathlib import Path
from string import Template
from typing import Any

from tools.test_cluster.image_archive import write_image
from tools.test_cluster.site import VOLUMES, Site

HERE = Path(__file__).resolve().parent


def kubectl(site: Site, *arguments: str, text: str | None = None) -> bool:
    """Call kubectl as administrator: True if it succeeded."""
    command = [f"{site.programs}/kubectl", f"--kubeconfig={site.authority.path('admin.kubeconfig')}", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).returncode == 0


def import_images(site: Site) -> None:
    """Give containerd the two images that are made of built programs alone."""
    for name in ("pause", "coredns"):
        tar = site.folder / "tmp" / f"{name}.tar"
        write_image(tar, f"localhost/{name}:1", site.programs / name)
        load(site.programs, site.folder, tar)


def load(programs: Path, folder: Path, tar: Path) -> None:
    """Import one image into the containerd of the cluster in ``folder``."""
    ctr(programs, folder, "images", "import", "--local", str(tar))


def ctr(programs: Path, folder: Path, *arguments: str) -> None:
    """Call containerd's own client."""
    command = [f"{programs}/ctr", "-a", f"{folder}/containerd.sock", "-n", "k8s.io", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def apply(site: Site) -> bool:
    """Cluster DNS, rights of the agents, the storage class with its volumes: True once the API server took them."""
    documents = Template((HERE / "system.yaml").read_text()).substitute(dns=site.dns)
    volumes = json.dumps({"apiVersion": "v1", "kind": "List", "items": [_volume(site, n) for n in range(VOLUMES)]})
    return kubectl(site, "apply", "-f", "-", text=documents) and kubectl(site, "apply", "-f", "-", text=volumes)


def is_ready(site: Site) -> bool:
    """The node takes pods and the names of services resolve."""
    dns = ("--namespace=kube-system", "rollout", "status", "deployment/coredns", "--timeout=5s")
    return kubectl(site, "wait", "--for=condition=Ready", f"node/{site.name}", "--timeout=5s") and kubectl(site, *dns)


def _volume(site: Site, number: int) -> dict[str, Any]:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [site.name]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"local-{number}"},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "local",
            "local": {"path": f"{site.folder}/volumes/{number}"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
