"""Drift detection: compare a live object with its manifest, without a call to the API server.

An applied child carries the digest of its manifest as an annotation. It has not drifted if every field of the manifest
is in the live object, the digest included: an older manifest with *more* in it has another digest, and the server
removes the fields that a new apply no longer sets. Fields that other managers add beside ours are theirs.

The server normalizes some values (``1000m`` becomes ``1``). Then the comparison fails once, one apply follows, and from
then on the live content is known to be what the manifest becomes (``records.ChildRecord.settled``).
"""

from hashlib import blake2b
from typing import Any, Final

import msgspec

from aftersend_operator.model.naming import GROUP, Manifest

DIGEST: Final = f"{GROUP}/applied"
_SERVER_OWNED: Final = frozenset(
    {"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid", "deletionTimestamp"}
)
"""Metadata that the server owns."""
_encode = msgspec.json.Encoder(order="deterministic").encode


def digest(value: object) -> str:
    """Hash a JSON value; equal values have equal digests."""
    return blake2b(_encode(value), digest_size=9).hexdigest()


def with_digest(manifest: Manifest) -> Manifest:
    """Return the manifest with its own digest among the annotations."""
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), DIGEST: digest(manifest)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def content(live: Manifest) -> bytes:
    """Encode what people or controllers may change in an object, without status and server-owned metadata."""
    metadata = {key: value for key, value in live.get("metadata", {}).items() if key not in _SERVER_OWNED}
    return _encode({**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata})


def covers(live: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON
    """Return True if ``live`` holds all of ``wanted``; lists must be equally long, maps may hold more."""
    if isinstance(wanted, dict):
        if not wanted:
            return live is None or isinstance(live, dict)
        return isinstance(live, dict) and all(covers(live.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        if not wanted:
            return not live
        return isinstance(live, list) and len(live) == len(wanted) and all(map(covers, live, wanted))
    return bool(live == wanted)


def restricted(live: Any, wanted: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the part of ``live`` that ``wanted`` sets; a list of another length is returned whole."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        return {key: restricted(live.get(key), value) for key, value in wanted.items()}
    if isinstance(wanted, list) and isinstance(live, list) and len(live) == len(wanted):
        return [restricted(*pair) for pair in zip(live, wanted, strict=True)]
    return live
