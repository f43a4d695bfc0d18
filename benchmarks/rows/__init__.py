"""The paths that are measured, in the order of the table."""
