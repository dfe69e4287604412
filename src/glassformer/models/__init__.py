"""One short file per architecture, built from parts."""
