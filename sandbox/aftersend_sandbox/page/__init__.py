"""The web page: both simulated worlds side by side.

In reading order: ``routes``, ``order_view`` (both worlds joined by order number), ``rows`` (texts of a row).
"""
