"""A sweep: read the parcels changed since the last one and put the webhook's own events on the stream.

In reading order: ``run``, ``cursor``, ``forwarder``, ``lagging`` (orders whose write-back lags), ``recovery`` (the
sweep after a lost Redis).
"""
