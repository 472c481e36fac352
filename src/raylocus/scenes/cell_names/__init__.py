"""How cells are named on the air and in reports: technologies, channel numbers, and which cells a name may mean."""
