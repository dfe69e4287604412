"""The ground floor: one idea a file, each part usable alone."""
