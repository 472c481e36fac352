"""Map error: how what stands may differ from its map; antennas, levels and materials are `scenes.world`'s."""
