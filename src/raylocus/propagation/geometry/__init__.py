"""Vectors, facets, wedges and images: geometry without radio."""
