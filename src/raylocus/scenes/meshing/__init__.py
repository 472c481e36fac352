"""Vector maps to closed, labelled triangles."""
