"""Sphinx configuration of the guide. What makes it ours is in ``glassformer.app.book``."""

project = "Glassformer"
author = "The Glassformer authors"
copyright = "2026, the Glassformer authors. MIT license."
html_title = "Glassformer"
language = "en"

extensions = ["glassformer.app.book.extension"]
nb_custom_formats = {".md": ["glassformer.app.book.extension.read", {}, False]}
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, object] = {}
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline", "alert", "tasklist"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
exclude_patterns = ["outputs/**", "README.md"]
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
bibtex_default_style = "plain"
html_math_renderer = "katex"
numfig = False

html_theme = "furo"
html_copy_source = False
html_use_index = False
html_show_sourcelink = False
html_show_sphinx = False
html_last_updated_fmt = None
pygments_style = "a11y-light"
pygments_dark_style = "a11y-dark"
html_theme_options = {
    "light_css_variables": {
        "font-stack": "'Source Serif 4', 'Source Serif Pro', Georgia, serif",
        "font-stack--monospace": "'JetBrains Mono', ui-monospace, 'DejaVu Sans Mono', monospace",
        "font-stack--headings": "'Inter', system-ui, sans-serif",
        "font-stack--sans": "'Inter', system-ui, sans-serif",
        "color-background-primary": "#fdfcf8",
        "color-background-secondary": "#f6f4ed",
        "color-background-border": "#e6e2d6",
        "color-background-hover": "#efece2",
        "color-foreground-primary": "#24262b",
        "color-foreground-secondary": "#55585f",
        "color-foreground-muted": "#66696f",
        "color-foreground-border": "#8b8d90",
        "color-brand-primary": "#1f6f78",
        "color-brand-content": "#1a626a",
        "color-brand-visited": "#1a626a",
        "color-link--visited": "#1a626a",
        "color-code-background": "#f6f4ed",
        "color-inline-code-background": "#f1eee5",
        "fig-ink": "#24262b",
        "fig-faint": "#c9c6bd",
        "fig-paper": "#fdfcf8",
        "fig-c0": "#1f6f78",
        "fig-c1": "#c2571a",
        "fig-c2": "#6a4fa3",
        "fig-c3": "#8a7300",
        "fig-c4": "#b03060",
        "fig-c5": "#4c6b2f",
    },
    "dark_css_variables": {
        "color-background-primary": "#15171a",
        "color-background-secondary": "#1b1e22",
        "color-background-border": "#2d3136",
        "color-background-hover": "#24282d",
        "color-foreground-primary": "#dcd9d0",
        "color-foreground-secondary": "#aeaca5",
        "color-foreground-muted": "#9b9a95",
        "color-foreground-border": "#6d6f72",
        "color-brand-primary": "#5cc0c6",
        "color-brand-content": "#6cc9cf",
        "color-brand-visited": "#6cc9cf",
        "color-link--visited": "#6cc9cf",
        "color-code-background": "#1b1e22",
        "color-inline-code-background": "#22262a",
        "fig-ink": "#dcd9d0",
        "fig-faint": "#3a3d42",
        "fig-paper": "#15171a",
        "fig-c0": "#5cc0c6",
        "fig-c1": "#f0955a",
        "fig-c2": "#b59df0",
        "fig-c3": "#d5bc4a",
        "fig-c4": "#f08cb0",
        "fig-c5": "#a0c878",
    },
}
