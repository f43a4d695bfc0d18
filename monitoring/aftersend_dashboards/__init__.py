"""The Grafana dashboards as code.

In reading order: ``fleet`` and ``tenant`` (the panels and their queries), ``budgets`` (a row of both), ``blocks`` (the
types of panels), ``rendering`` (the JSON files that the chart ships).
"""
