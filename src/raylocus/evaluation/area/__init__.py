"""How well phones are located in an area, next to what naming a site or a centroid gives."""
