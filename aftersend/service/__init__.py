"""The frame of every service process: start, probes, metrics, public listener, graceful end.

In reading order: ``run`` (the life of a process) with ``early_signals`` (SIGTERM before that), ``cycles`` (how often
Python looks for them) and ``process_limits`` (open files, core files), ``runtime`` (what a part gets), ``listener``
(public address), ``admin`` (probes and metrics), ``health`` (liveness, readiness), ``on_demand`` (figures that are read
when they are shown), ``heartbeat`` (which processes serve a tenant), ``secret_watch`` (changed secrets),
``redis_metrics`` (gauges read from Redis), ``exit_codes``.
"""
