"""The writer: write the parcels that the ledger knows back to their orders in Afterbuy.

In reading order: ``entry`` (console script), ``main`` (wiring), ``handler`` (one event), ``batcher`` (orders together),
``write_back`` (read, compare, update, read), ``order_update`` (one order on that way), ``tag_update`` (its problem's
tag), ``rules`` (all decisions, pure), ``metrics``.
"""
