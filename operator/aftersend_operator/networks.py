"""The addresses that no tenant may reach, whatever a setting or a document says.

Link-local addresses are those of the node: metadata services give away its identity there. NAT64 prefixes embed IPv4
addresses, so they lead around every exception that is written for IPv4.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

Rule = dict[str, Any]
Network = IPv4Network | IPv6Network
_PRIVATE: Final = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.168.0.0/16", "224.0.0.0/3"),
)
_NAT64: Final = 0x64FF9B << 96
"""64:ff9b::/96 as a number."""
_NAT64_OF_ANY: Final = "64:ff9b:1::/48"


def _through_nat64(network: str) -> str:
    """Return the addresses by which NAT64 reaches an IPv4 network."""
    inner = IPv4Network(network)
    return str(IPv6Network((_NAT64 + int(inner.network_address), 96 + inner.prefixlen)))


NEVER: Final = ("169.254.0.0/16", "fe80::/10", "64:ff9b::/96", _NAT64_OF_ANY)
"""Link-local and NAT64."""
_PUBLIC: Final = (
    ("0.0.0.0/0", _PRIVATE),
    (
        "::/0",
        (
            *("::1/128", "fc00::/7", "fe80::/10", "ff00::/8", "2002::/16", _NAT64_OF_ANY),
            *(_through_nat64(network) for network in _PRIVATE),
        ),
    ),
)


def public_networks() -> list[Rule]:
    """Return peers for every public address, also by way of NAT64; none is private, link-local or multicast."""
    return [{"ipBlock": {"cidr": cidr, "except": list(closed)}} for cidr, closed in _PUBLIC]


def parse_network(text: str) -> Network | None:
    """Parse an address or CIDR that a setting opens; None if it is none, or lies within ``NEVER``."""
    try:
        network = ip_network(text)
    except ValueError:
        return None
    return None if any(_is_within(network, ip_network(closed)) for closed in NEVER) else network


def peers(networks: tuple[str, ...]) -> list[Rule]:
    """Return peers for these networks, or for all (empty); never for what is in ``NEVER``."""
    return [_peer(ip_network(cidr)) for cidr in networks or ("0.0.0.0/0", "::/0")]


def _peer(network: Network) -> Rule:
    closed = [each for each in NEVER if _is_within(ip_network(each), network)]
    return {"ipBlock": {"cidr": str(network), **({"except": closed} if closed else {})}}


def _is_within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
