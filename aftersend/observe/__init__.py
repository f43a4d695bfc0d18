"""Logs, traces and metrics, none of which ever carries personal data.

In reading order: ``context`` (tenant, part and trace of the current task), ``logs`` with ``throttle``, ``traces`` with
``otel_settings``, ``sampling`` and ``otlp``, ``metrics`` (all names and labels) with ``meter`` and ``meters`` (the
interfaces to them), ``upstream_call`` (one call to Afterbuy or Sendcloud, traced and measured).
"""
