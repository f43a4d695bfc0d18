"""The seeded merchant's account: catalogue, people, ordinary orders, and scenarios that change them."""
