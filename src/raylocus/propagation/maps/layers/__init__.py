"""Layers of R beyond those that worlds need, one group a file."""
