"""The writer: it makes Afterbuy show what the ledger knows of each order's parcels.

In reading order: ``main`` (wiring), ``handler`` (one event), ``batcher`` (orders together), ``write_back`` (read,
compare, update, read), ``order_update`` (one order on that way), ``rules`` (all decisions, pure), ``metrics``.
"""
