"""The local web app: it builds the guide, serves it, and keeps it true."""
