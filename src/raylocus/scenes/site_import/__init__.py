"""Files of sites and cells: lines, columns, channel numbers, and what they become in a place."""
