"""The tenant document: one model for the YAML file, the custom resource and its schema.

In reading order: ``fields`` (annotated types and bounds), ``pods`` and ``cron`` (parts of the document), ``document``
(the model), ``rules`` (what no schema can say), ``loading`` (from YAML, with errors that name the path), ``status``
(what the operator reports), ``field_names`` (from Python's names to the document's).
"""
