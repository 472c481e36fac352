"""Finding paths: specular, diffracted, over rooftops, refracted, scattered."""
