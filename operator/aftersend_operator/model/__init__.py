"""The ground of the operator: words that every other room uses, no I/O.

In reading order: ``kinds``, ``naming``, ``reasons``, ``records`` (what is remembered of an object), ``references``
(secrets that a tenant names), ``comparison`` (is an object as it should be), ``rollout``, ``certificates``.
"""
