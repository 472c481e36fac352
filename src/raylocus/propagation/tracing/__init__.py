"""A place or an area traced: the searches run site by site, and the atlas and R that come of them stored."""
