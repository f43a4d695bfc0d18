"""Options and arguments that several commands share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import typer

from aftersend_kubectl.kubectl import Kubectl

Output = Annotated[
    Literal["table", "wide", "json", "yaml"], typer.Option("-o", "--output", help="Form of the answer.", metavar="FORM")
]
TenantName = Annotated[
    str | None, typer.Argument(help="Name of the tenant; default: the only one of the namespace.", metavar="TENANT")
]
Everywhere = Annotated[bool, typer.Option("-A", "--all-namespaces", help="All tenants of the cluster.")]
OrderId = Annotated[str | None, typer.Option("--order", help="Only this OrderID.", metavar="ID")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Namespace = Annotated[str, typer.Option("-n", "--namespace", help="Namespace of the tenant.")]
Context = Annotated[str, typer.Option("--context", help="Context of the kubeconfig.")]
Kubeconfig = Annotated[str, typer.Option("--kubeconfig", help="File of the kubeconfig.")]
_CLUSTER: Final = ("-n", "--namespace", "--context", "--kubeconfig")


@dataclass
class Chosen:
    """What stands before the command: cluster, user, namespace."""

    options: tuple[str, ...] = ()
    namespace: str = ""

    def kubectl(self) -> Kubectl:
        """Return kubectl with these options."""
        return Kubectl(self.options, self.namespace)


def chosen(namespace: str, context: str, kubeconfig: str) -> Chosen:
    """Return what kubectl is given with every call."""
    given = {"--context": context, "--kubeconfig": kubeconfig}
    return Chosen(tuple(f"{name}={value}" for name, value in given.items() if value), namespace)


def cluster_first(words: Sequence[str]) -> list[str]:
    """Move the options of kubectl before the command: there they may stand anywhere, as people are used to."""
    if words[:1] == ["handover"]:  # its -n is its own
        return list(words)
    first: list[str] = []
    rest = list(words)
    for place in reversed([place for place, word in enumerate(rest) if word.partition("=")[0] in _CLUSTER]):
        length = 1 if "=" in rest[place] else 2
        first = [*rest[place : place + length], *first]
        del rest[place : place + length]
    return [*first, *rest]
