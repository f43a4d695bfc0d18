"""``aftersend crd``: the CustomResourceDefinition, for clusters without the chart."""

import sys

from aftersend.cli.options import AsJson


def crd(as_json: AsJson = False) -> None:
    """Print the CustomResourceDefinition of AftersendTenant, for `kubectl apply --server-side -f -`."""
    from aftersend.crd.rendering import as_json_text, as_yaml

    sys.stdout.write(as_json_text() if as_json else as_yaml())
