"""A strict simulated Afterbuy and Sendcloud: neither has a public sandbox, so this one is part of the product.

In reading order: ``main`` (command), ``server`` (one listener for all), ``world`` (both accounts and the journal),
``seed`` (what they begin with), ``afterbuy`` and ``sendcloud`` (the simulated interfaces), ``webhooks``, ``control``
(actions of people and carriers), ``page``, ``rules`` (are the merchant's rules kept?), ``switches``, ``faults`` with
``upstream_faults``, ``clock``.
"""
