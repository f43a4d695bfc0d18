"""Look up the digests of images and pin them: ``make digests`` (needs the network, and no credentials).

The bases stand in the Dockerfile (``ARG PYTHON``, ``ARG BASE``): their digests are replaced there. Redis stands in the
values of the chart with a tag, since who brings another image would inherit its digest: for it the option of Helm is
printed. A digest is what a registry answers, never anything else; the multi-architecture index where there is one.
"""

import argparse
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import yaml

from tools.supply_chain.packages import ROOT

DOCKERFILE: Final = ROOT / "Dockerfile"
VALUES: Final = ROOT / "charts/aftersend/values.yaml"
_BASE: Final = re.compile(r"^(ARG (?:PYTHON|BASE)=)(\S+?)(?:@(sha256:[0-9a-f]{64}))?$", re.MULTILINE)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_KINDS: Final = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_CHALLENGE: Final = re.compile(r'(realm|service|scope)="([^"]*)"')
_HOSTS: Final = {"docker.io": "registry-1.docker.io"}
_UNAUTHORIZED: Final = 401


class LookUpError(Exception):
    """A registry does not say the digest."""


@dataclass(frozen=True, slots=True)
class ImageName:
    """``host/path:tag``."""

    host: str
    path: str
    tag: str

    @classmethod
    def parse(cls, text: str) -> "ImageName":
        """Read a name whose registry is named, too."""
        host, _, rest = text.partition("/")
        path, _, tag = rest.partition(":")
        if ("." not in host and ":" not in host) or not path or not tag:
            raise LookUpError(f"{text} is not registry/repository:tag")
        return cls(host, path, tag)


def look_up(text: str, *, scheme: str = "https") -> str:
    """Ask the registry for the digest of a tag."""
    name = ImageName.parse(text)
    url = f"{scheme}://{_HOSTS.get(name.host, name.host)}/v2/{name.path}/manifests/{name.tag}"
    try:
        headers = _head(url, "")
    except urllib.error.HTTPError as error:
        if error.code != _UNAUTHORIZED:
            raise LookUpError(f"{text}: HTTP {error.code}") from None
        headers = _head(url, _token(error.headers))
    found = headers.get("Docker-Content-Digest", "")
    if not _DIGEST.fullmatch(found):
        raise LookUpError(f"{text}: the registry names no digest")
    return found


def _head(url: str, token: str) -> Message:
    headers = {"Accept": _KINDS, **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, method="HEAD", headers=headers)  # noqa: S310 - the scheme is ours
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        found: Message = response.headers
    return found


def _token(headers: Message) -> str:
    """Get the token that anyone gets for public images."""
    wanted = dict(_CHALLENGE.findall(headers.get("WWW-Authenticate", "")))
    realm = wanted.pop("realm", "")
    if not realm.startswith(("https://", "http://127.0.0.1:")):
        raise LookUpError("the registry demands a login of an unknown kind")
    with urllib.request.urlopen(f"{realm}?{urlencode(wanted)}", timeout=30) as response:  # noqa: S310 - checked above
        answer = json.load(response)
    return str(answer.get("token") or answer.get("access_token") or "")


def pin_bases(dockerfile: Path, ask: Callable[[str], str]) -> list[str]:
    """Replace the digests of both bases; returns the lines that changed. Nothing is written if one cannot be had."""
    before = dockerfile.read_text()
    after = _BASE.sub(lambda found: f"{found[1]}{found[2]}@{ask(found[2])}", before)
    dockerfile.write_text(after)
    return sorted(set(after.splitlines()) - set(before.splitlines()))


def redis_option(values: Path, ask: Callable[[str], str]) -> str:
    """Return the option that pins the chart's Redis."""
    image = yaml.safe_load(values.read_text())["images"]["redis"]
    name = f"{image['repository']}:{image['tag']}"
    return f"--set images.redis.digest={ask(name)}"


def main(arguments: Sequence[str], ask: Callable[[str], str] = look_up) -> int:
    """Pin what can be pinned; 1 if a registry does not answer."""
    argparse.ArgumentParser(prog="make digests", description=__doc__).parse_args(arguments)
    try:
        print(*(pin_bases(DOCKERFILE, ask) or ["Dockerfile: both bases are up to date"]), sep="\n")
        print(f"chart: {redis_option(VALUES, ask)}")
    except (LookUpError, OSError) as error:
        print(f"digests: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
