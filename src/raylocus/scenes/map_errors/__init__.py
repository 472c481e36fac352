"""Map error: how what stands at a place may differ from its map. Antennas, levels and materials are `scenes.world`'s."""
