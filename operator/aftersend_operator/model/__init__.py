"""What every other package of the operator uses: records, names, comparison. No I/O.

In reading order: ``kinds``, ``naming``, ``reasons``, ``faults``, ``records`` (what the cache keeps of an object),
``pods`` (of a pod), ``references`` (secrets that a tenant names), ``comparison`` (drift), ``rollout``, ``claims``,
``routes`` (of gateways), ``ports``, ``certificates``, ``addresses`` (of webhooks), ``object_events``, ``times``.
"""
