"""The service: measurements come in over HTTP, positions with their uncertainty go out."""
