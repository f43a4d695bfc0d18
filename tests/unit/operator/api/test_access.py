import base64
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from aftersend.errors import Misconfigured
from aftersend_operator.api.access import load_access, read_kubeconfig


def kubeconfig(folder: Path, *, user: dict[str, Any], cluster: dict[str, Any] | None = None) -> Path:
    path = folder / "kubeconfig"
    document = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443/", **(cluster or {})}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def test_certificates_stand_in_the_file_or_beside_it(tmp_path: Path) -> None:
    (tmp_path / "client.crt").write_text("CERTIFICATE")
    data = base64.b64encode(b"KEY").decode()
    path = kubeconfig(tmp_path, user={"client-certificate": "client.crt", "client-key-data": data})
    access = read_kubeconfig(path)
    assert (access.server, access.certificate, access.key) == ("https://10.0.0.1:6443", "CERTIFICATE", "KEY")
    assert access.headers() == {}
    assert "KEY" not in repr(access)


def test_a_renewed_certificate_changes_the_file_versions(tmp_path: Path) -> None:
    crt = tmp_path / "client.crt"
    crt.write_text("old")
    access = read_kubeconfig(kubeconfig(tmp_path, user={"client-certificate": "client.crt"}))
    before = access.file_versions()
    os.utime(crt, ns=(1, 1))
    assert access.file_versions() != before
    crt.unlink()
    assert access.file_versions() != before


def test_a_token_in_a_file_is_read_for_every_call(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    access = read_kubeconfig(kubeconfig(tmp_path, user={"tokenFile": "token"}))
    assert access.headers() == {"Authorization": "Bearer first"}
    (tmp_path / "token").write_text("second")
    assert access.headers() == {"Authorization": "Bearer second"}


def test_a_pod_has_a_service_account(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    (tmp_path / "ca.crt").write_text("CA")
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    access = load_access(environ, service_account=tmp_path)
    assert (access.server, access.ca, access.headers()["Authorization"]) == ("https://[fd00::1]:6443", "CA", "Bearer t")


@pytest.mark.parametrize("text", ["", "a: [", "current-context: x", "[]", "current-context: s3cr3t\ncontexts: []"])
def test_a_useless_kubeconfig_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(Misconfigured) as caught:
        load_access({"KUBECONFIG": str(path)})
    assert str(path) in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_no_cluster_anywhere_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="KUBECONFIG"):
        load_access({}, service_account=tmp_path)
