"""Both upstreams as fast as Python goes: a process of its own that answers every call from a template.

Nothing is checked and hardly anything is kept, so that a measurement shows what the other side costs. Not the sandbox,
which judges, keeps a world and costs more than the services that it serves.

In reading order: ``__main__`` (server, latency, control), ``afterbuy``, ``sendcloud``.
"""
