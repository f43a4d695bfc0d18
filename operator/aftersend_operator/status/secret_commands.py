"""Commands that a message hands to a person whose Secret is missing or wrong: pure.

The values stand as ``…`` in them: the operator reads none.
"""

from typing import Final

_ALSO: Final = {"secretKey": ("webhookSignatureKey",), "": ("accessKeyId", "secretAccessKey")}
"""Keys that are not required, and that a new secret usually holds, by a required one of it; "" = none is required."""
_INTO: Final = "--dry-run=client -o yaml | kubectl apply --server-side --force-conflicts -f -"
"""Keys go into a Secret that exists; its others stay, and no annotation holds a value."""


def create_secret(namespace: str, name: str, keys: tuple[str, ...]) -> str:
    """Return the command that makes a Secret with these keys, and those that usually stand beside them."""
    also = [key for of in (keys or ("",)) for key in _ALSO.get(of, ())]
    return _create(namespace, name, (*keys, *also))


def set_keys(namespace: str, name: str, keys: tuple[str, ...]) -> str:
    """Return the command that sets these keys of a Secret and leaves its others."""
    return f"{_create(namespace, name, keys)} {_INTO}"


def _create(namespace: str, name: str, keys: tuple[str, ...]) -> str:
    literals = " ".join(f"--from-literal={key}=…" for key in keys)
    return f"kubectl -n {namespace} create secret generic {name} {literals}"
