"""A strict simulated Afterbuy and Sendcloud: neither has a public sandbox, so this one is part of the product."""
