"""Change a model by replacing its modules: for decoding, for fewer bits."""
