"""The ledger: what we know of an order, observed and applied."""
