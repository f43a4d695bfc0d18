"""An export run: confirm what was accepted, read the window, push what is due, look again, recheck watched orders.

In reading order: ``run``, ``page_processor``, ``recorder`` (counting), ``actions`` (what is done for
one order) with ``watch``, ``look_up`` and ``existing_labels``, ``push`` with ``batches``, ``resend``, ``confirm``,
``second_look``, ``recheck``.
"""
