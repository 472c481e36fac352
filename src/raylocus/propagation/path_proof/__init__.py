"""Which of the atlas's paths exist, proven by walking them again, by nothing that found them."""
