"""From a changed key to applied children: queue, reconciler, plan, apply.

In reading order: ``work_queue``, ``reconciler``, ``plan`` (pure), ``apply``, ``secrets``, ``rollout_gate``.
"""
