"""The seeded merchant's account: catalogue, people, ordinary orders, and scenarios that change them.

In reading order: ``account`` (makes all), ``order_factory`` (ordinary orders), ``scenarios`` with
``scenario_mutations`` and ``address_mutations``, then what is invented: ``catalogue``, ``channels``, ``people``,
``towns``.
"""
