"""Where an operator puts sites, and which identity each cell gets."""
