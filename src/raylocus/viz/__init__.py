"""Figures and the report: data in, Figure out."""
