"""Exit codes of the long-running processes."""

EXIT_OK, EXIT_FAILED, EXIT_MISCONFIGURED = 0, 1, 2
