"""Ablations: one question, a list of overrides, several seeds, one table."""
