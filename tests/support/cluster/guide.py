"""The platform team's guide as a script: its commands, word for word, for the tenant of a test."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

from tests.support.cluster.shop import NAME, ClusterShop
from tools.test_cluster.cluster import CommandError

GUIDE: Final = Path(__file__).resolve().parents[3] / "docs/guides/platform.md"
_COMMANDS: Final = re.compile(r"^( *)```\n(.*?)^ *```$|`(kubectl [^`]+)`", re.DOTALL | re.MULTILINE)
_OTHER_NAMES: Final = {
    "--context=old ": "",
    "--context=new ": "",
    "mueller-afterbuy": "afterbuy",
    "mueller-sendcloud": "sendcloud",
    "mueller-s3": "s3",
}


def commands(section: str, shop: ClusterShop) -> list[str]:
    """What a section of the guide says to call, with the names of this merchant: blocks and lines, in order."""
    _, found, text = GUIDE.read_text().partition(f"\n## {section}\n")
    assert found, f"the guide has no section {section!r}"
    text = text.partition("\n## ")[0].replace("tenant-mueller", shop.namespace)
    for theirs, ours in _OTHER_NAMES.items():
        text = text.replace(theirs, ours)
    text = text.replace("mueller", NAME)
    return [found[2] or found[3] for found in _COMMANDS.finditer(text)]


def shell(shop: ClusterShop, script: str, *, text: str = "") -> str:
    """What a script prints, run as at the platform team's prompt; ``CommandError`` if any of its commands fails."""
    programs = f"{shop.cluster.programs}:" if shop.cluster.programs else ""
    environ = {
        **os.environ,
        "KUBECONFIG": str(shop.cluster.kubeconfig),
        "PATH": programs + os.environ["PATH"],
        "NO_PROXY": "*",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=environ, input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandError(f"{script}\n{done.stdout}{done.stderr}")
    return done.stdout
