"""Layers of R beyond those that every world needs, in groups: radio channel, measurements, CSI, system."""
