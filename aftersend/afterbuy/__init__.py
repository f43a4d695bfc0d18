"""Client of Afterbuy's XML interface.

In reading order: ``client`` (its calls), ``exchange`` (one call), ``writing`` (requests), ``answer`` (a response as it
streams in), ``reading`` with ``numbers`` and ``countries`` (records to model), ``sold_items`` (a page and its paging),
``errors`` (codes to error types), ``model``, ``credentials``.
"""
