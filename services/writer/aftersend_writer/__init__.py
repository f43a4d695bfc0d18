"""The writer: makes Afterbuy show what the ledger knows of each order's parcels."""
