"""aftersend_exporter."""
