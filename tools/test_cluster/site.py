"""Where one test cluster lives: its number decides every name and address, so that several can run side by side."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tools.test_cluster.credentials import Authority

LAST = 250
"""The numbers 1 to 250 fit into the third part of an address."""
VOLUMES = 64
"""Local volumes that the node offers; a released one is not given out again."""


@dataclass(frozen=True)
class Site:
    """Names and addresses of cluster ``number``; all files lie below ``folder``, the programs in ``programs``."""

    number: int
    level: str
    """``api``: control plane only; ``node``: pods run, too."""
    folder: Path
    """Kept short: paths of sockets may have 108 bytes."""
    programs: Path

    @property
    def name(self) -> str:
        """Of the node, of the groups of processes, of the host's end of the cable."""
        return f"aftersend-{self.number}"

    @property
    def host(self) -> str:
        """This machine as the cluster sees it: what listens here can be reached from every pod."""
        return f"10.200.{self.number}.1"

    @property
    def node(self) -> str:
        """The cluster as this machine sees it: API server and node ports."""
        return f"10.200.{self.number}.2"

    @property
    def pods(self) -> str:
        """Range of the pods; this machine has a route to it."""
        return f"10.201.{self.number}.0/24"

    @property
    def services(self) -> str:
        """Range of the services. This machine has a route to that of a node; without pods it only has to be wide."""
        return f"10.202.{self.number}.0/24" if self.level == "node" else "10.240.0.0/16"

    @property
    def dns(self) -> str:
        """Address of the service that answers names."""
        return f"10.202.{self.number}.10"

    @property
    def url(self) -> str:
        """Of the API server."""
        return f"https://{self.node}:6443"

    @cached_property
    def authority(self) -> Authority:
        """Keys and certificates."""
        first = f"{self.services.rpartition('.')[0]}.1"
        return Authority(self.folder / "pki", self.name, self.node, first)
