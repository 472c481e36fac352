"""Paths over one edge, with mirrors before and behind it."""
