"""The CustomResourceDefinition, generated from the tenant document's model.

In reading order: ``meanings`` (descriptions from docstrings), ``schema`` (OpenAPI schema from types), ``definition``
(the manifest), ``rendering`` (as YAML, JSON and chart template).
"""
