"""Render the dashboards to the JSON files that the chart ships."""

import json

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from aftersend_dashboards.fleet import fleet
from aftersend_dashboards.tenant import tenant


def files() -> dict[str, str]:
    """Return the text of each file by its name."""
    built = (fleet().build(), tenant().build())
    return {f"{each.uid}.json": json.dumps(each, cls=JSONEncoder, indent=2, sort_keys=True) + "\n" for each in built}
