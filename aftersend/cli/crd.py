"""``aftersend crd``: the CustomResourceDefinition, for clusters without the chart."""

import sys

from aftersend.crd.rendering import as_json_text, as_yaml


def print_definition(*, as_json: bool) -> None:
    """Print the CustomResourceDefinition of AftersendTenant as YAML or JSON."""
    sys.stdout.write(as_json_text() if as_json else as_yaml())
