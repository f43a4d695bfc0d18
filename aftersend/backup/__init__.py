"""Backups: encrypted copies of what a tenant keeps in Redis, and their restore.

In reading order: ``records`` (what a backup holds), ``chunks`` (the file format), ``names`` (file names and retention),
``target`` (a directory or bucket), ``collect`` (read a tenant), ``create`` (write and verify), ``restore``, ``reseal``
(rotate data keys), ``errors`` (why a backup cannot be used).
"""
