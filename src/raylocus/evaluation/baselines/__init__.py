"""The classical peers, each with its parameters chosen on training places only."""
