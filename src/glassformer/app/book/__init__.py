"""The book: pages in plain Markdown, their cells, the outputs stored beside them, and the site made of both."""
