"""Commands that a message hands to a person whose Secret is missing or wrong: pure.

The values stand as ``…`` in them: the operator reads none.
"""

import json
from typing import Final

_ALSO: Final = {"secretKey": ("webhookSignatureKey",), "": ("accessKeyId", "secretAccessKey")}
"""Keys that are not required, and that a new secret usually holds, by a required one of it; "" = none is required."""


def create_secret(namespace: str, name: str, keys: tuple[str, ...]) -> str:
    """Return the command that makes a Secret with these keys, and those that usually stand beside them."""
    also = [key for of in (keys or ("",)) for key in _ALSO.get(of, ())]
    literals = " ".join(f"--from-literal={key}=…" for key in (*keys, *also))
    return f"kubectl -n {namespace} create secret generic {name} {literals}"


def set_keys(namespace: str, name: str, keys: tuple[str, ...]) -> str:
    """Return the command that sets these keys of a Secret.

    A patch leaves all others, and puts no value into an annotation. ``kubectl apply`` would take away those that an
    earlier ``kubectl apply`` has set and this one does not name.
    """
    patch = json.dumps({"stringData": dict.fromkeys(keys, "…")}, ensure_ascii=False, separators=(",", ":"))
    return f"kubectl -n {namespace} patch secret {name} --type=merge -p '{patch}'"
