"""The tenant document: one model for the YAML file, the custom resource and its schema.

In reading order: ``fields`` (annotated types and bounds), ``pods``, ``tax_numbers``, ``quantities`` and ``cron``
(parts of the document), ``document`` (the model), ``rules`` (what no schema can say) with ``problem_tags``, ``loading``
(from YAML, with errors that name the path), ``upstream_urls`` (what a process refuses to call), ``status`` (what the
operator reports), ``field_names`` (from Python's names to the document's).
"""
