"""Learning: the documents, the paths through them, and the four questions that recommend a path."""
