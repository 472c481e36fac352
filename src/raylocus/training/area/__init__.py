"""Training of the area network on networks drawn as they are needed."""
