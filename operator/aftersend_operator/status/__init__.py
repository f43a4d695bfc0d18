"""What ``kubectl get`` shows of a tenant: conditions, reports of its pods, the status document.

In reading order: ``status``, ``checks``, ``startup_grace``, ``conditions`` (all pure), ``reports``, ``readyz_client``,
``collector``.
"""
