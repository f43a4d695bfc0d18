"""The whole CustomResourceDefinition: names, columns, and the schemas of spec and status."""

from aftersend.crd.schema import Schema, structure
from aftersend.tenant.document import API_VERSION, KIND, Spec
from aftersend.tenant.status import Status

GROUP, VERSION = API_VERSION.split("/")
PLURAL = "aftersendtenants"
_READY, _PROGRESSING, _DEGRADED = (
    f'.status.conditions[?(@.type=="{kind}")]' for kind in ("Ready", "Progressing", "Degraded")
)


def definition() -> Schema:
    """Return the manifest, ready for ``kubectl apply``."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["ast"],
                "categories": ["aftersend"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _columns(),
                    "schema": {"openAPIV3Schema": _document()},
                }
            ],
        },
    }


def _document() -> Schema:
    return {
        "type": "object",
        "description": "One merchant: carries orders from Afterbuy to Sendcloud and brings the parcel numbers back.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"Always {API_VERSION}."},
            "kind": {"type": "string", "description": f"Always {KIND}."},
            "metadata": {"type": "object"},
            "spec": structure(Spec),
            "status": _status(),
        },
        "x-kubernetes-validations": [
            {
                "rule": "size(self.metadata.name) <= 30",
                "message": "metadata.name is too long: use at most 30 characters, names of children are made from it",
            },
            {
                "rule": "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                "message": "metadata.name must begin with a letter and hold only small letters, digits and hyphens",
            },
        ],
    }


def _status() -> Schema:
    """Make the schema of status: conditions as a map, so that writers of different ones do not overwrite each other."""
    schema = structure(Status)
    schema["properties"]["conditions"] |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    return schema


def _columns() -> list[Schema]:
    return [
        _column("Ready", "string", f"{_READY}.status", "Whether everything runs and is reachable."),
        _column("Reason", "string", f"{_READY}.reason", "Why, in one word."),
        _column("Degraded", "string", f"{_DEGRADED}.reason", "The worst fault, whether it blocks orders or not."),
        _column("Last export", "date", ".status.lastExport.time", "How long ago the last export ended."),
        _column("Suspended", "boolean", ".spec.suspend", "Whether export and write-back are stopped."),
        _column("Age", "date", ".metadata.creationTimestamp", "How long the tenant has existed."),
        _column("Message", "string", f"{_DEGRADED}.message", "What is the matter and what cures it.", priority=1),
        _column("Progressing", "string", f"{_PROGRESSING}.reason", "Whether pods are being replaced.", priority=1),
        _column("Last write-back", "date", ".status.lastWriteBack.time", "The last number in Afterbuy.", priority=1),
        _column("Version", "string", ".status.version", "Version of Aftersend that the pods run.", priority=1),
    ]


def _column(name: str, of: str, path: str, description: str, *, priority: int = 0) -> Schema:
    wide = {"priority": priority} if priority else {}
    return {"name": name, "type": of, "jsonPath": path, "description": description, **wide}
