"""The informer: kopf's watches feed a cache, which lists correct.

In reading order: ``kopf_watch``, ``cache``, ``list_sync``, ``secret_watch``, ``resync``.
"""
