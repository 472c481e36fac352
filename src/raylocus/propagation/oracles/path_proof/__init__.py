"""Walks every path again in float64 through all triangles, independently of the search."""
