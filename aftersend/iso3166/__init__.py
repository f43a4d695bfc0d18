"""Countries and states by their ISO 3166 codes, read from what people write.

In reading order: ``folding`` (spellings that mean the same), ``countries``, ``subdivisions``. The tables are written by
``tools/iso3166.py``.
"""
