"""The simulated Sendcloud: v3 orders, v2 parcels, v3 shipments, integrations, and the server in front of them.

In reading order: ``server`` (table of routes), ``access`` (credentials, limits), ``push`` with ``order_schema`` and
``schema``, ``saving`` (orders appear later), ``orders``, ``integrations``, ``panel`` (people and carriers), ``parcels``
and ``shipments`` with ``labels``.
"""
