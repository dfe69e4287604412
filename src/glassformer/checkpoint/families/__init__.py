"""One rule table per family of published checkpoints."""
