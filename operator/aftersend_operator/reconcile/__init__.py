"""Reconciliation: from a changed key to applied children.

In reading order: ``work_queue``, ``reconciler``, ``plan`` and ``volumes`` (pure), ``apply``, ``secrets``,
``rollout_gate``, ``repairs``, ``events``.
"""
