"""The day of ``aftersend demo``: a merchant's day in less than a minute, everything simulated, judged at the end.

In reading order: ``main`` (the entry point), ``environment`` (embedded Valkey, sandbox and the three services, started
as the processes of ``process``), ``scenario`` (what happens, hour by hour), ``sandbox_control`` (HTTP client of the
sandbox's control API), ``display`` (progress at a terminal, in a pipe, or not at all).
"""
