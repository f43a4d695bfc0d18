"""Calls of ``kubectl``, and its refusals as errors that name a cure."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from typing import Any, Final

from aftersend.errors import AftersendError, Misconfigured

_CURES: Final = {
    r"doesn't have a resource type|no matches for kind": "install the chart of Aftersend here, or name another context",
    r"[Ff]orbidden": "your role lacks this right: docs/guides/kubectl.md lists what each command needs",
    r"[Uu]nauthorized|must be logged in": "log in again: the cluster does not accept these credentials",
    r"was refused|[Uu]nable to connect|no such host|i/o timeout|no route": "is the cluster up, and the context right?",
    r"context was not found|does not exist|invalid configuration": "`kubectl config get-contexts` shows what there is",
    r"[Nn]ot ?[Ff]ound": "`kubectl aftersend status -A` shows all tenants",
}
"""What kubectl says on standard error, and what helps."""
_EXEC_ENDED: Final = "command terminated with exit code"
"""The last line of a failed exec; what the command itself said stands before it."""
_PREFIX: Final = r"(?i)^(error( from server( \(\w+\))?)?|aftersend): "


class KubectlError(AftersendError):
    """kubectl ended with an error; ``code`` is the last line that it wrote."""


class Kubectl:
    """``kubectl`` with the options that choose cluster, user and namespace."""

    def __init__(self, options: Sequence[str] = (), namespace: str = "") -> None:
        self._command = (os.environ.get("KUBECTL", "kubectl"), *options)
        self.namespace = namespace

    def within(self, namespace: str) -> "Kubectl":
        """Return the same cluster with another namespace."""
        return Kubectl(self._command[1:], namespace)

    def text(self, *arguments: str, given: str | None = None) -> str:
        """Return what kubectl prints."""
        done = self._run(arguments, input=given, capture_output=True, text=True)
        if done.returncode:
            raise _error(done.stderr)
        return str(done.stdout)

    def read(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON of any kind
        """Return objects of the cluster as JSON."""
        return json.loads(self.text("get", *arguments, "--output=json"))

    def show(self, *arguments: str) -> int:
        """Let kubectl write to the terminal itself; return its exit code."""
        return self._run(arguments).returncode

    def _run(self, arguments: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[str]":  # noqa: ANN401 - of run
        where = (f"--namespace={self.namespace}",) if self.namespace else ()
        try:
            return subprocess.run([*self._command, *where, *arguments], check=False, **options)  # noqa: S603 - no shell
        except FileNotFoundError:
            raise Misconfigured("kubectl is not there", cure="install it, or set KUBECTL to where it is") from None


def _error(said: str) -> AftersendError:
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith(_EXEC_ENDED)]
    text = re.sub(_PREFIX, "", lines[-1] if lines else "kubectl gave no reason")
    cure = next((cure for pattern, cure in _CURES.items() if re.search(pattern, said)), "")
    return KubectlError(text, upstream="kubernetes", cure=cure)
