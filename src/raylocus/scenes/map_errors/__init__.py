"""How the ground truth may differ from a map: worlds whose geometry is not the map's."""
