"""The exporter: it brings orders from Afterbuy to Sendcloud, and reads changed parcels back (the sweep).

In reading order: ``main`` (wiring), ``requests`` (schedules and requests for runs), ``export`` and ``sweep`` (the two
kinds of run), ``rules`` (every rule of the merchant, pure), ``context`` and ``run_stats`` (what a run works with),
``report`` (its summary), ``metrics``, ``backups``.
"""
