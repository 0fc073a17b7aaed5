"""Whole stacks, as a user starts them."""
