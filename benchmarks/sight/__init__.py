"""Figures beside their bounds, as the operator's measurement prints them."""
