"""The simulated Afterbuy: state, XML, reading calls, updates, and the server in front of them."""
