"""The Kubernetes API client: credentials, calls, typed errors.

In reading order: ``access``, ``client``, ``errors``, ``metadata_list``.
"""
