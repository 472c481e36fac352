"""Ray launching: directions, pieces of the ground, the surface where UEs are."""
