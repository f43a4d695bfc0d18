"""Reconciliation: from a changed key to applied children.

In reading order: ``work_queue``, ``reconciler``, ``plan`` (pure), ``apply``, ``secrets``, ``rollout_gate``.
"""
