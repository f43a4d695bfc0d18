"""The children of a tenant, as pure functions from the document to plain Kubernetes objects.

One file per kind of concept; ``desired`` composes them. Only fields that we mean are set: what the API server fills in
itself stays out, so that server-side apply never argues with it.
"""
