"""Objects with tags as map files have them, and how lengths and random choices are read from them."""
