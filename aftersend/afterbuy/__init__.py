"""Client of Afterbuy's XML interface.

In reading order: ``client`` (its calls), ``exchange`` (one call), ``writing`` (requests), ``answer`` (a response as it
streams in), ``records`` with ``repair`` (each record on its own), ``reading`` and ``products`` with ``fields``,
``numbers``, ``countries`` and ``mail`` (records to model), ``sold_items`` (a page and its paging), ``errors`` (codes to
error types), ``model``, ``credentials``.
"""
