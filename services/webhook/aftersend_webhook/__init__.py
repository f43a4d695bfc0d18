"""The webhook service: read the body, verify the signature, reduce it to an event, store it, answer.

In reading order: ``entry`` (console script), ``main`` (wiring), ``handler``, ``body_reader``, ``signatures``,
``recent``.
"""
