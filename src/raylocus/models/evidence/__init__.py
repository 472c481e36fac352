"""The classical likelihood inside the network: observed minus mapped, for every ground cell at once."""
