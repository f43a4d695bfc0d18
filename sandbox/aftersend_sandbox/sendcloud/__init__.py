"""The simulated Sendcloud: state, v3 orders, v2 parcels, integrations, and the server in front of them."""
