"""Layers of the radio encoder over a masked set: attention, and what it is compared with."""
