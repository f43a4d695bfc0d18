"""The control API below /control: people's and carriers' actions, faults, switches, time.

In reading order: ``api`` (the routes), ``afterbuy`` and ``sendcloud`` (what people and carriers do), ``sandbox``
(faults, switches, time, verdict).
"""
