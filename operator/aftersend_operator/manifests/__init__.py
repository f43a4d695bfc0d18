"""The desired state: pure functions from a tenant document to the manifests of its children.

In reading order: ``desired`` (composes all), ``render_context`` and ``parts`` (what manifests are rendered from),
``pods``, ``secret_files``, ``resources``, then one module per kind. Fields that the API server defaults are not set, so
that server-side apply never conflicts with it.
"""
