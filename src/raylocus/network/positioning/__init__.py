"""Positioning measurements and their report mappings (TS 38.133, 38.215, 37.355)."""
