"""The web page: both simulated worlds side by side."""
