"""Logs, traces and metrics, none of which ever carries personal data.

In reading order: ``context`` (tenant, part and trace of the current task), ``logs``, ``traces`` with ``otel_settings``,
``sampling`` and ``otlp``, then ``metrics`` (all names and labels) and ``meter``, ``meters`` (who reports through them).
"""
