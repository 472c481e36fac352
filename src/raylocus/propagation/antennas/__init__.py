"""What antennas radiate and receive: element patterns, arrays, beams, panels, codebooks."""
