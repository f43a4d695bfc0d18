"""The operator: a Kubernetes controller that reconciles each ``AftersendTenant`` into the workloads that serve it.

It is the only part that knows kopf and Kubernetes, and it imports nothing but the core (``aftersend``). It is installed
with the extra ``operator``; the image of the services carries its code but not kopf, so it cannot run there.

In reading order: ``entry``, ``main``, ``lifecycle`` and ``runtime`` (start, wiring), ``model`` (shared records and
words), ``informer`` (observed state), ``manifests`` (desired state), ``reconcile`` (from observed to desired),
``status`` (conditions, events), ``api`` (the client), ``metrics``, ``settings``, ``networks`` (what no
policy opens).

This folder lies in ``operator/``, which must stay without ``__init__.py`` and without loose modules: a package of that
name in the root of the repository would stand in for Python's own ``operator``.
"""
