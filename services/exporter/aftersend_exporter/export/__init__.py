"""An export run: read the window, push what is due, confirm what was accepted, read watched orders again.

In reading order: ``run``, ``integration``, ``page_processor``, ``push`` with ``batches``, ``confirm``,
``existing_labels``, ``recheck``.
"""
