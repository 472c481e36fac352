"""Paths over the roofs and around walls: strings pulled taut over rasters and rays."""
