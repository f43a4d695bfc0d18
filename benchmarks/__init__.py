"""Measurements: one suite, which races each path against its floor, and the operator's, which needs a cluster.

In reading order: ``__main__`` (options, the table), ``rows`` (one module for each path), ``report``; below them
``stage`` (Valkey, the stub of both upstreams, files), ``child`` (processes, their processor time and memory), ``race``
(interleaved pairs), ``load`` (webhooks), ``result`` (a line of the table).

``profiling`` shows where the time of a path goes. ``sight`` holds the figures of the operator's measurement.

``ours`` are the programs that run our code, ``floors`` the bare ones on the same libraries, ``stub`` the upstreams.
"""
