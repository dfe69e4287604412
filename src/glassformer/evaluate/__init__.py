"""Measure a model: what it costs, how well it predicts."""
