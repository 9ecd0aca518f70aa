"""Settings: the models, the way from a YAML file to them, and what is said where a file is wrong."""
