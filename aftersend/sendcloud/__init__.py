"""Client of Sendcloud's API, and the decoder of its webhooks.

In reading order: ``client`` (its calls), ``exchange`` (one call), ``limits`` (rate limits), ``lists`` (paging),
``parcel`` (a v2 parcel to an event) and ``shipment`` (a v3 shipment) with ``lenient`` and ``status``, ``errors``
(refusals to error types), ``model``, ``credentials``.
"""
