"""The status of a tenant: conditions, events, and the reports of its jobs and services.

In reading order: ``status``, ``conditions``, ``parts``, ``waiting``, ``pod_causes``, ``secret_commands``, ``checks``,
``address_checks``, ``startup_grace``, ``reports``, ``service_reports``, ``newest``, ``scrapes`` (all pure),
``readyz_client``, ``event_reader``, ``collector``.
"""
