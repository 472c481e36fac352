"""How UEs move: walking, driving along roads, stops, and where people are."""
