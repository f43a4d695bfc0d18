"""aftersend_writer."""
