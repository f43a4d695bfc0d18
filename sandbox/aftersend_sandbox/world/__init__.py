"""The simulated world: both accounts, the journal of what happened, and ``World`` that holds them.

In reading order: ``world``, ``afterbuy_account``, ``sendcloud_account``, ``journal``.
"""
