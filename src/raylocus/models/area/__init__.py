"""The network that locates in an area without ray-traced maps: sites, levels, timing, and who is not heard."""
