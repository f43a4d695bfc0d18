"""The operator: it turns each ``AftersendTenant`` in a cluster into the workloads that serve this merchant.

It is the only part that knows kopf and Kubernetes, and it imports nothing but the core (``aftersend``). It is installed
with the extra ``operator``; the image of the services carries its code but not kopf, so it cannot run there.

In reading order: ``main`` and ``runtime`` (wiring), ``model`` (the ground), ``informer`` (what is there),
``manifests`` (what should be there), ``reconcile`` (from one to the other), ``status`` (what a tenant's status says),
``api`` (the client), ``metrics``, ``settings``.

This folder lies in ``operator/``, which must stay without ``__init__.py`` and without loose modules: a package of that
name in the root of the repository would stand in for Python's own ``operator``.
"""
