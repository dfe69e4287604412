"""What stands around a page's text: the notebook to download above it, the next step on each path below it."""

import html
import re
import textwrap
from pathlib import Path
from typing import Any, Final

import nbformat
from docutils import nodes
from pybtex.database import parse_file
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

from glassformer.app.book.reader import to_download
from glassformer.app.book.source import Page, read_page
from glassformer.app.book.store import load as load_run
from glassformer.learn.paths import Guide, Step, load

BEGINNER_PAGES: Final = frozenset({"nn_intro", "mlp_intro", "rnn_intro"})
NOTEBOOKS: Final = "notebooks"


def step_title(guide: Guide, step: Step) -> str:
    """The title of a step's document, with the part of it that the step means."""
    title = guide.document(step.page).title
    return f"{title}, {step.part}" if step.part else title


def link_to(app: Sphinx, docname: str, guide: Guide, step: Step) -> str:
    """A link to a step's page, or the words that it is in preparation."""
    title = html.escape(step_title(guide, step))
    if (where := step.at or step.page) in app.env.found_docs:
        return f'<a href="{app.builder.get_relative_uri(docname, where)}">{title}</a>'
    return f'<span class="gf-preparing">{title} <em>(in preparation)</em></span>'


def _page_of(app: Sphinx, docname: str) -> Page:
    return read_page(Path(app.srcdir) / f"{docname}.md", Path(app.srcdir))


def _surround(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    if app.builder.format != "html" or docname == app.config.root_doc:
        return
    section = next((child for child in doctree.children if isinstance(child, nodes.section)), None)
    if section is None:
        return
    if _page_of(app, docname).cells:
        up = "../" * docname.count("/")
        section.insert(
            1,
            nodes.raw(
                "",
                '<p class="gf-tools"><a download '
                f'href="{up}{NOTEBOOKS}/{docname}.ipynb">Download this page as a notebook</a></p>',
                format="html",
            ),
        )
    footer = _path_footer(app, docname, load(Path(app.srcdir)))
    if footer:
        section.append(nodes.raw("", footer, format="html"))


def _path_footer(app: Sphinx, docname: str, guide: Guide) -> str:
    items = []
    for path in guide.paths:
        steps = list(path.steps())
        here = [i for i, step in enumerate(steps) if docname == step.at]
        here += [i for i, step in enumerate(steps) if step.page == docname.split("/")[0]]
        if not here:
            continue
        place = here[0]
        if place + 1 < len(steps):
            then = f"next: {link_to(app, docname, guide, steps[place + 1])}, {html.escape(steps[place + 1].gives)}"
        else:
            then = "this is its last step"
        items.append(
            f"<li><strong>{html.escape(path.title)}</strong>, step {place + 1} of {len(steps)}. "
            f"{then[0].upper()}{then[1:]}.</li>"
        )
    if not items:
        return ""
    return (
        '<nav class="gf-next" aria-label="Your path"><p class="gf-next-title">Where this page leads</p>'
        f"<ul>{''.join(items)}</ul></nav>"
    )


def _write_notebooks(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    for docname in sorted(app.env.found_docs):
        page = _page_of(app, docname)
        if page.cells:
            target = Path(app.outdir) / NOTEBOOKS / f"{docname}.ipynb"
            target.parent.mkdir(parents=True, exist_ok=True)
            run = load_run(docname, Path(app.confdir) / app.config.glassformer_outputs)
            text = nbformat.writes(to_download(page, run, *_plain_markdown(app, docname)))
            target.write_text(text + "\n", "utf-8")


def _plain_markdown(app: Sphinx, docname: str) -> Any:
    """How roles and directives read in plain Markdown: citations and numbers as text, included code as code."""
    equations = app.env.domaindata["math"]["objects"]
    entries = parse_file(Path(app.srcdir) / app.config.bibtex_bibfiles[0]).entries

    def role(name: str, text: str) -> str:
        if name in ("eq", "number"):
            return f"({equations[text][1]})" if name == "eq" else str(equations[text][1])
        if name.startswith("cite"):
            return "; ".join(citation(key.strip()) for key in text.split(","))
        return text

    def citation(key: str) -> str:
        entry = entries[key]
        names = [" ".join(person.last_names) for person in entry.persons["author"]]
        who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        return f"{who} ({entry.fields['year']})"

    def directive(name: str, body: str) -> str:
        if name != "literalinclude":
            return ""
        file, *options = body.strip().splitlines()
        path = Path(app.config.glassformer_sources) / file.strip().split("src/glassformer/", 1)[-1]
        wanted = next((o.split(":", 2)[2].strip() for o in options if o.startswith(":pyobject:")), None)
        lines = path.read_text("utf-8").splitlines()
        if wanted:
            _, first, last = ModuleAnalyzer.for_file(path, "").find_tags()[wanted]
            lines = lines[first - 1 : last]
        file_name = path.relative_to(app.config.glassformer_sources).as_posix()
        return "\n".join(
            [
                f"From `glassformer/{file_name}`:",
                "",
                "```python",
                *textwrap.dedent("\n".join(lines)).splitlines(),
                "```",
            ]
        )

    return role, directive


def _mend_roles(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document) -> None:
    """Docutils calls the bibliography a list but its entries no items, which screen readers cannot make sense of."""
    if "body" in context:
        body = context["body"].replace('role="list" class="citation-list"', 'class="citation-list"')
        body = body.replace(' role="doc-biblioentry"', "")
        # A box to tick on paper: in a page it is a mark in front of the sentence, no control without a name.
        context["body"] = re.sub(r'<input class="task-list-item-checkbox"[^>]*>', '<span class="gf-box"></span>', body)


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("html-page-context", _mend_roles)
    app.connect("doctree-resolved", _surround)
    app.connect("build-finished", _write_notebooks)
