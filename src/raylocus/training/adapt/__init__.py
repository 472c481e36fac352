"""Adaptation of trained networks to one network by a few reports of known position."""
