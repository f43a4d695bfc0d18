"""The definition as text: YAML, JSON, and the template of the chart."""

import msgspec
import yaml

from aftersend.crd.definition import definition

_HEAD = """\
{{- /* Made from the model: make docs */ -}}
{{- if .Values.crds.enabled }}
"""
_METADATA = """\
metadata:
  labels:
    {{- include "aftersend.labels" . | nindent 4 }}
  {{- $kept := .Values.crds.keep | ternary (dict "helm.sh/resource-policy" "keep") dict }}
  {{- with include "aftersend.annotations" (list . $kept) }}
  {{- . | nindent 2 }}
  {{- end }}
"""


def as_yaml() -> str:
    """Render one YAML document."""
    return yaml.safe_dump(definition(), sort_keys=False, width=120, allow_unicode=True)


def as_json_text() -> str:
    """Render one JSON document."""
    return msgspec.json.format(msgspec.json.encode(definition()), indent=2).decode() + "\n"


def as_template() -> str:
    """Render ``charts/aftersend/templates/crd.yaml``: the same, kept on uninstall and switched by values."""
    text = as_yaml()
    if "{{" in text:
        raise ValueError("a description holds {{, which Helm would read")
    return _HEAD + text.replace("metadata:\n", _METADATA, 1) + "{{- end }}\n"
