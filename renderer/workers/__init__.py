"""Where segments and stills are computed."""
