"""Tagged shapes to buildings with heights, materials and roofs."""
