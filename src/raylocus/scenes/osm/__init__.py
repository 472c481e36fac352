"""OpenStreetMap files to vector maps."""
