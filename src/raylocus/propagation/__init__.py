"""Physics: ray launching to path atlas to radio maps R. Only this folder imports sionna.rt."""
