"""Generated towns: streets first, then blocks, then buildings, all drawn from one seed."""
