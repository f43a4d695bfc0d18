"""``kubectl aftersend``: one command for a fleet of tenants.

Access is ``kubectl``'s: the caller's kubeconfig, context and rights hold, and nothing runs in the cluster for it. What
the API server knows is read from it; only what a tenant's Redis knows (orders, runs, checks) is asked by an exec.
"""
