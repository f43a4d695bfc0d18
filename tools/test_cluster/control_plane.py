"""How etcd, the API server, the controllers and the scheduler are called."""

from tools.test_cluster.site import Site


def store_and_server(site: Site) -> dict[str, list[str]]:
    """What starts first, by name."""
    return {"etcd": _etcd(site), "kube-apiserver": _server(site)}


def controllers(site: Site) -> dict[str, list[str]]:
    """What starts when the API server answers; leave to speak fast saves six seconds at the start."""
    pki, own = site.authority, ("--bind-address=127.0.0.1", f"--cert-dir={site.folder}/certs", "--leader-elect=false")
    fast = ("--kube-api-qps=500", "--kube-api-burst=1000")
    return {
        "kube-controller-manager": [
            f"{site.programs}/kube-controller-manager",
            f"--kubeconfig={pki.path('controllers.kubeconfig')}",
            f"--service-account-private-key-file={pki.path('sa.key')}",
            f"--root-ca-file={pki.path('ca.crt')}",
            f"--cluster-signing-cert-file={pki.path('ca.crt')}",
            f"--cluster-signing-key-file={pki.path('ca.key')}",
            "--use-service-account-credentials=true",
            *fast,
            *own,
        ],
        "kube-scheduler": [
            f"{site.programs}/kube-scheduler",
            f"--kubeconfig={pki.path('scheduler.kubeconfig')}",
            *fast,
            *own,
        ],
    }


def _etcd(site: Site) -> list[str]:
    client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
    return [
        f"{site.programs}/etcd",
        f"--name={site.name}",
        f"--data-dir={site.folder}/etcd",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={site.name}={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _server(site: Site) -> list[str]:
    pki = site.authority
    return [
        f"{site.programs}/kube-apiserver",
        "--etcd-servers=http://127.0.0.1:2379",
        "--secure-port=6443",
        "--bind-address=0.0.0.0",
        f"--advertise-address={site.node}",
        f"--tls-cert-file={pki.path('apiserver.crt')}",
        f"--tls-private-key-file={pki.path('apiserver.key')}",
        f"--cert-dir={site.folder}/certs",
        f"--client-ca-file={pki.path('ca.crt')}",
        f"--kubelet-client-certificate={pki.path('apiserver-kubelet.crt')}",
        f"--kubelet-client-key={pki.path('apiserver-kubelet.key')}",
        f"--kubelet-certificate-authority={pki.path('ca.crt')}",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki.path('sa.pub')}",
        f"--service-account-signing-key-file={pki.path('sa.key')}",
        f"--service-cluster-ip-range={site.services}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--profiling=false",
    ]
