"""The exporter: it brings orders from Afterbuy to Sendcloud, and reads changed parcels back (the sweep).

In reading order: ``entry`` (console script), ``main`` (wiring), ``requests`` (schedules and requests for runs),
``export`` and ``sweep`` (the two kinds of run), ``rules`` (every rule of the merchant, pure), ``context``,
``integration`` and ``run_stats`` (what a run works with), ``parcel_api`` (v2 or v3), ``order_checks`` (what the writer
gets to check), ``report`` (its summary), ``metrics``, ``backups``.
"""
