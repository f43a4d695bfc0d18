"""The ledger: one entry per order, with what was observed in Sendcloud and what is applied in Afterbuy.

In reading order: ``entry`` (the model), ``index`` (in which sorted sets an entry stands), ``merge`` (an observation
into an entry), ``match`` (which order a parcel belongs to), ``saved_order``, ``tombstone`` (what stays of an erased
order), ``join`` (a saved entry into a live one), ``day_counters`` (what happened on each day), ``problem_tag`` (of an
order in Afterbuy), ``scripts`` (the Lua files of ``lua/``), ``sealed_part`` (numbers and links as bytes),
``documents`` (how entries are stored), ``changes`` (of many entries), ``store`` (entries in Redis, compare and set),
``tenant_state`` (facts of the tenant as a whole).
"""
