"""Real networks by formula: whole networks drawn from a wide law, without tracing, and what is heard of them."""
