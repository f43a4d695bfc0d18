"""``aftersend …``: the command line, one file per command.

``main`` knows the commands, ``options`` what they have in common, ``running`` how they end, ``screen`` how they talk,
``place`` where a tenant's Redis and secrets are found.
"""
