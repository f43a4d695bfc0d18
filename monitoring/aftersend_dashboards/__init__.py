"""The Grafana dashboards as code.

In reading order: ``fleet`` and ``tenant`` (the pages), ``tenant_flow``, ``tenant_ground`` and ``budgets`` (their rows),
``tenant_queries``, ``blocks`` (the types of panels), ``rendering`` (the JSON files that the chart ships).
"""
