"""The ground: terrain, roads, water and vegetation."""
