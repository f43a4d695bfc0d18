"""The desired state: pure functions from a tenant document to the manifests of its children.

In reading order: ``desired`` (composes all), ``render_context`` and ``parts`` (what manifests are rendered from),
``pods`` with ``secret_files``, ``volumes`` and ``resources``, then the kinds: ``config_map``, ``generated_secrets``
with ``redis_acl``, ``redis``, ``deployments``, ``cron_jobs``, ``services``, ``public_address``, ``network_policies``,
``service_accounts``, ``pod_monitor``. Fields that the API server defaults are not set, so that server-side apply never
conflicts with it.
"""
