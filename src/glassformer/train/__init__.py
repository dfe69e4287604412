"""Training: a visible loop over a visible step."""
