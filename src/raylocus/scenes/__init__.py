"""A place: buildings, roads, terrain, materials and sites, as a Mitsuba scene and geometry maps G."""
