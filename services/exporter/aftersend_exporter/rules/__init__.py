"""The merchant's rules for the way out, all pure: which orders go, and what they say in Sendcloud.

In reading order: ``window`` (which dates are read), ``eligibility`` (transfer, skip or watch), ``next_action`` (push,
confirm or leave alone), ``transitions`` (what the ledger says afterwards), ``order_mapping`` with ``addresses``,
``states``, ``items``, ``weights``, ``customs`` and ``territories`` (what Sendcloud gets), ``fallback`` (the second try
with a house number).
"""
