"""Aftersend: the shared core of the bridge between Afterbuy and Sendcloud.

The core knows the tenant, both clients, the stream, the ledger and how to be observed. It imports none of the parts
(exporter, webhook, writer): those import it.
"""

__version__ = "0.1.0"
