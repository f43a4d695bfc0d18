"""Bare programs on the same libraries: what a path costs without our guarantees.

They parse, map, send and acknowledge, and they are tuned: read ahead, batches as large as the APIs allow, several
calls at once, Redis in pipelines. What they leave out: sealing, a ledger, leases, retries, limits of size and time,
metrics, logs, traces, dead letters, a second reading of what was written.
"""
