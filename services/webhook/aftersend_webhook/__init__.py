"""aftersend_webhook."""
