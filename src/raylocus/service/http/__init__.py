"""The HTTP side: four dialects over one engine, and what keeps the service safe."""
