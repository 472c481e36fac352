"""The path atlas: its types, its store, and its paths at ground cells and at any point."""
