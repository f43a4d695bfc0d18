"""Requests for runs, from the schedule and from the stream ``runs``.

In reading order: ``schedule`` (the clock), ``handler`` (one event), ``coalescing`` (equal requests become one run),
``circuits`` (the circuit breakers of both upstreams), ``repeats`` (failed runs come back).
"""
