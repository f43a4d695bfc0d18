"""The dashboards as Grafana reads them: one JSON file each, which the chart ships."""

import json

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from aftersend_dashboards.fleet import fleet
from aftersend_dashboards.tenant import tenant


def files() -> dict[str, str]:
    """Name of the file -> its text."""
    built = (fleet().build(), tenant().build())
    return {f"{each.uid}.json": json.dumps(each, cls=JSONEncoder, indent=2, sort_keys=True) + "\n" for each in built}
