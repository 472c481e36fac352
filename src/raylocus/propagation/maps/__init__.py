"""Radio maps R: from the atlas to dense grids of every cell."""
