"""What the cluster looks like: kopf's watches, and a cache that periodic lists correct.

In reading order: ``kopf_watch``, ``cache``, ``list_sync``, ``resync``.
"""
