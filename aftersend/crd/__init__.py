"""The CustomResourceDefinition, made from the tenant document's model."""
