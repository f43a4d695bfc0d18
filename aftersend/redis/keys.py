"""Names of the keys of a tenant in Redis.

All keys of one tenant share the hash tag ``{<tenant>}``, so that Redis Cluster keeps them in one slot and a script or
a MULTI may touch several of them at once.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one tenant; ``tenant`` is its identity, ``<namespace>.<name>`` or ``<name>``."""

    tenant: str

    def key(self, *parts: str) -> str:
        """``key("order", "123")`` -> ``aftersend:{<tenant>}:order:123``."""
        return ":".join((f"aftersend:{{{self.tenant}}}", *parts))
