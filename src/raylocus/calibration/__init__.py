"""Calibration: measurements of a network → its antennas, levels and materials, the law of its errors."""
