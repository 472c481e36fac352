"""What the viewer's page is made of: packed arrays, meshes, layers, paths and tracks of phones."""
