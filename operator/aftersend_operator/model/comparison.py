"""Drift detection: does a child look as we want it? Pure comparison, without a call to the API server.

A child that we applied carries the digest of its manifest as an annotation. So a child is in order if everything that
the manifest says stands in the live object, the digest included: an older manifest with *more* in it has another
digest, and the server removes what we no longer say when we apply anew. What others add beside our fields is theirs.

Some values come back from the server in another spelling (``1000m`` as ``1``). Then the comparison fails once, we apply
once, and from then on the live content is known to be what our manifest becomes (see ``cache.ChildRecord.settled``).
"""

from hashlib import blake2b
from typing import Any, Final

import msgspec

from aftersend_operator.model.naming import GROUP, Manifest

DIGEST: Final = f"{GROUP}/applied"
_SERVERS: Final = frozenset(
    {"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid", "deletionTimestamp"}
)
"""Metadata that the server owns."""
_encode = msgspec.json.Encoder(order="deterministic").encode


def digest(value: object) -> str:
    """Short and equal for equal JSON."""
    return blake2b(_encode(value), digest_size=9).hexdigest()


def marked(manifest: Manifest) -> Manifest:
    """The manifest with its own digest among the annotations."""
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), DIGEST: digest(manifest)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def content(live: Manifest) -> bytes:
    """What a person or a controller may change in an object; status and the server's bookkeeping left out."""
    metadata = {key: value for key, value in live.get("metadata", {}).items() if key not in _SERVERS}
    return _encode({**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata})


def covers(live: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON
    """True if all that is wanted stands in ``live``; lists must be equally long, maps may hold more."""
    if isinstance(wanted, dict):
        if not wanted:
            return live is None or isinstance(live, dict)
        return isinstance(live, dict) and all(covers(live.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        if not wanted:
            return not live
        return isinstance(live, list) and len(live) == len(wanted) and all(map(covers, live, wanted))
    return bool(live == wanted)
