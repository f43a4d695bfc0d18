"""aftersend_sandbox."""
