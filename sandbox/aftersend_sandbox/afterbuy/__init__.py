"""The simulated Afterbuy: XML, reading calls, updates, and the server in front of them.

In reading order: ``server`` (the interface), ``reads`` with ``filters`` and ``orders`` (an order as XML), ``update``
with ``fields``, ``tags`` and ``labels``, ``xml``.
"""
