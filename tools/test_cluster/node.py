"""How containerd, kubelet, kube-proxy and the agent for NetworkPolicies are called, and what stands in their files.

Pods are joined by ``ptp``, not by a bridge: everything is routed, so that Services, hairpins and NetworkPolicies work
without ``br_netfilter``. Nothing is tuned in the kernel and nothing is written outside the cluster's folder.
"""

import json
from typing import Any

from tools.test_cluster import cgroups
from tools.test_cluster.site import VOLUMES, Site

_DISABLED = (
    *(f"io.containerd.snapshotter.v1.{name}" for name in ("blockfile", "btrfs", "devmapper", "erofs", "native", "zfs")),
    "io.containerd.nri.v1.nri",
    "io.containerd.internal.v1.opt",  # would make /opt/containerd
    "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp",
)


def prepare(site: Site) -> None:
    """Write the files, make the control groups and the folders of the local volumes."""
    etc = site.folder / "etc"
    (etc / "cni").mkdir(parents=True)
    (etc / "containerd.toml").write_text(_containerd(site))
    (etc / "cni" / "pods.conflist").write_text(json.dumps(_network(site)))
    (etc / "kubelet.json").write_text(json.dumps(_kubelet(site)))
    (etc / "proxy.json").write_text(json.dumps(_proxy(site)))
    (etc / "resolv.conf").touch()
    for number in range(VOLUMES):
        volume = site.folder / "volumes" / str(number)
        volume.mkdir(parents=True)
        volume.chmod(0o777)
    cgroups.make(site)


def runtime(site: Site) -> dict[str, list[str]]:
    """What starts beside the API server."""
    config = f"{site.folder}/etc/containerd.toml"
    return {"containerd": [f"{site.programs}/containerd", "--config", config, "--log-level=warn"]}


def agents(site: Site) -> dict[str, list[str]]:
    """What starts when the API server answers."""
    return {
        "kubelet": [
            f"{site.programs}/kubelet",
            f"--config={site.folder}/etc/kubelet.json",
            f"--kubeconfig={site.authority.path('kubelet.kubeconfig')}",
            f"--root-dir={site.folder}/kubelet",
            f"--cert-dir={site.folder}/certs",
            f"--hostname-override={site.name}",
            f"--node-ip={site.node}",
        ],
        "kube-proxy": [f"{site.programs}/kube-proxy", f"--config={site.folder}/etc/proxy.json"],
        "netpol": [
            f"{site.programs}/netpol",
            f"--kubeconfig={site.authority.path('netpol.kubeconfig')}",
            f"--hostname-override={site.name}",
            f"--service-cluster-ip-range={site.services}",
        ],
    }


def _containerd(site: Site) -> str:
    cri = "io.containerd.cri.v1"
    return f"""version = 3
root = "{site.folder}/containerd"
state = "{site.folder}/containerd-state"
oom_score = 0
disabled_plugins = {json.dumps(_DISABLED)}
[grpc]
address = "{site.folder}/containerd.sock"
[plugins.'{cri}.images']
snapshotter = "overlayfs"
[plugins.'{cri}.images'.pinned_images]
sandbox = "localhost/pause:1"
[plugins.'{cri}.runtime']
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
disable_apparmor = true
[plugins.'{cri}.runtime'.cni]
bin_dirs = ["{site.programs}/cni"]
conf_dir = "{site.folder}/etc/cni"
[plugins.'{cri}.runtime'.containerd]
default_runtime_name = "runc"
[plugins.'{cri}.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
runtime_path = "{site.programs}/containerd-shim-runc-v2"
[plugins.'{cri}.runtime'.containerd.runtimes.runc.options]
BinaryName = "{site.programs}/runc"
Root = "{site.folder}/runc"
SystemdCgroup = false
"""


def _network(site: Site) -> dict[str, Any]:
    addresses = {
        "type": "host-local",
        "dataDir": f"{site.folder}/cni-addresses",
        "ranges": [[{"subnet": site.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    ptp = {"type": "ptp", "ipMasq": False, "mtu": 1500, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}, "backend": "nftables"}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [ptp, ports]}


def _kubelet(site: Site) -> dict[str, Any]:
    pki = site.authority
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "failSwapOn": False,
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": ["pods"],
        "cgroupRoot": f"/{site.name}",
        "containerRuntimeEndpoint": f"unix://{site.folder}/containerd.sock",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki.path("ca.crt"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki.path("kubelet-server.crt")),
        "tlsPrivateKeyFile": str(pki.path("kubelet-server.key")),
        "address": "0.0.0.0",  # noqa: S104 - in a network namespace of its own
        "readOnlyPort": 0,
        "clusterDomain": "cluster.local",
        "clusterDNS": [site.dns],
        "resolvConf": f"{site.folder}/etc/resolv.conf",
        "oomScoreAdj": 0,  # a negative one needs CAP_SYS_RESOURCE
        "makeIPTablesUtilChains": False,
        "podLogsDir": f"{site.folder}/pod-logs",
        "volumePluginDir": f"{site.folder}/volume-plugins",
        "evictionHard": {
            "memory.available": "50Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
        "syncFrequency": "10s",  # how soon a changed secret reaches a pod
    }


def _proxy(site: Site) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": site.name,
        "clusterCIDR": site.pods,
        "detectLocalMode": "ClusterCIDR",
        "clientConnection": {"kubeconfig": str(site.authority.path("proxy.kubeconfig"))},
        "oomScoreAdj": 0,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "nftables": {"syncPeriod": "30s", "minSyncPeriod": "0s"},
    }
