"""See through a model: the figures of the guide, their one style, and the interactive figures."""
