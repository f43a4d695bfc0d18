"""The status of a tenant: conditions, events, and the reports of its jobs and services.

In reading order: ``status``, ``checks``, ``startup_grace``, ``conditions`` (all pure), ``reports``, ``readyz_client``,
``collector``.
"""
