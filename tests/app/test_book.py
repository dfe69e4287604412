"""The smaller pieces of the book: formulas, figures in a page, the reader, the execution of cells."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from glassformer.app.book import katex, render
from glassformer.app.book.execute import execute
from glassformer.app.book.reader import STALE, to_download, to_notebook
from glassformer.app.book.source import Page, PageError, split
from glassformer.app.book.store import Record, Run
from glassformer.app.site import pages
from glassformer.checkpoint.fetch import SOURCES

SVG = (
    '<svg width="90pt" height="60pt" viewBox="0 0 90 60"><defs><path id="a"/></defs>'
    '<use xlink:href="#a" clip-path="url(#b)"/><text>kept</text></svg>'
)


def page(text: str) -> Page:
    return Page("p", tuple(split(text, "p")))


def test_formula_is_html_with_mathml_and_no_script():
    text = katex.render(r"\sigma(z) = \frac{1}{1 + e^{-z}}", True)
    assert "<math" in text and "katex-html" in text
    assert "<annotation" not in text and "<script" not in text


@pytest.mark.parametrize("bad", [r"\frac{1}", r"\nosuchcommand", "x_"])
def test_a_bad_formula_is_an_error(bad):
    with pytest.raises(katex.FormulaError, match="KaTeX parse error"):
        katex.render(bad)


def test_ids_in_a_figure_are_unique_and_references_follow():
    text = render.figure(SVG, 'A "line".', "nn-3.2-1-0")
    assert 'id="nn-3-2-1-0-a"' in text and 'href="#nn-3-2-1-0-a"' in text and "url(#nn-3-2-1-0-b)" in text
    assert 'role="img" aria-label="A &quot;line&quot;."' in text
    assert "max-width:153px" in text and "<text>kept</text>" in text  # 90 points, 1.7 pixels each


def test_widget_state_cannot_end_its_script():
    output = {"widget": "w", "alt": "a.", "still": SVG, "state": {"name": "</script><b>"}}
    assert render.widget(output, "p").count("</script>") == 1


PAGE = page(
    "# 1. One\n\n```python\na = 1\n```\n\nIt is {eval}`a`.\n\n```python check\nassert a\n```\n"
    + "```python\n"
    + "b\n" * 9
    + "```"
)


def test_notebook_for_sphinx_has_outputs_tags_and_lines():
    first = PAGE.cells[0]
    run = Run("p", [Record(first.id, first.digest, [{"text": ["x"]}])])
    notebook = to_notebook(PAGE, run, fold_long=True)
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    assert cells[0].outputs[0].text == "x" and cells[0].metadata["tags"] == []
    assert cells[1].outputs[0].text == STALE and cells[1].metadata["tags"] == ["check", "hide-input"]
    assert cells[2].metadata["tags"] == ["hide-input"]  # nine lines, in a document for beginners
    assert to_notebook(PAGE, run, fold_long=False).cells[-1].metadata["tags"] == []
    assert notebook.metadata["source_map"] == [p.line - 1 for p in PAGE.pieces]


def test_download_is_plain_markdown():
    text = page("A {eval}`a`, {cite:p}`k`, {eq}`e`.\n\n```{literalinclude} f.py\n:pyobject: F\n```\n\n$$\nx\n$$ (e)\n")
    run = Run("p", [], [("a", "7")])
    notebook = to_download(text, run, lambda name, value: f"<{name} {value}>", lambda name, body: f"<{name}>")
    assert notebook.cells[-1].source.split() == [
        "A",
        "7,",
        "<cite:p",
        "k>,",
        "<eq",
        "e>.",
        "<literalinclude>",
        "$$",
        "x",
        "\\tag{<number",
        "e>}",
        "$$",
    ]


@pytest.mark.execute
def test_execution_gives_text_figures_errors_and_values():
    run = execute(
        page(
            "```python\na = 2\nprint(a); a + 1\n```\n\nNow {eval}`a`.\n\n```python\na = 5\n```\n\nNow {eval}`a`.\n\n"
            "```python raises-exception\n1 / 0\n```\n\n"
            "```python\nimport matplotlib.pyplot as plt\nfrom glassformer.glass.style import describe\n"
            "figure, axes = plt.subplots()\naxes.plot([1, 2, 4])\ndescribe(figure, 'A line.');\n```"
        )
    )
    kinds = [[sorted(o) for o in r.outputs] for r in run.records]
    assert kinds == [[["text"], ["text"]], [], [["error"]], [["alt", "data", "figure"]]]
    assert run.evals == [("a", "2"), ("a", "5")]
    assert run.records[2].outputs[0]["error"] == ["ZeroDivisionError: division by zero"]
    figure = run.records[3].outputs[0]
    assert figure["data"][0]["lines"] == [[0.0, 1.0, 1.0, 2.0, 2.0, 4.0]]
    ET.fromstring(figure["figure"])
    assert "var(--fig-ink" in figure["figure"]


@pytest.mark.execute
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x\n\n```python\n1 / 0\n```", r"(?s)p\.md:4: cell 0-1 failed.*ZeroDivisionError"),
        ("```python raises-exception\n1\n```", r"p\.md:2: cell 0-1 is meant to fail"),
        ("```python\nimport sys; print('w', file=sys.stderr)\n```", "wrote to standard error"),
        ("```python\nimport matplotlib.pyplot as plt; plt.plot([1]);\n```", "has no alternative text"),
        ("{eval}`nowhere`", r"p\.md:1: \{eval\} nowhere failed: NameError"),
    ],
)
def test_execution_errors_name_the_line(text, message):
    with pytest.raises(PageError, match=message):
        execute(page(text))


@pytest.mark.execute
def test_cells_that_need_what_is_not_here_keep_what_is_stored(monkeypatch, tmp_path):
    monkeypatch.setenv("GLASSFORMER_CACHE", str(tmp_path))
    text = "```python needs=smollm2\na = 1\n```\n\nNow {eval}`a`.\n\n```python\nb = 2\n```\n\nAnd {eval}`b`."
    with pytest.raises(PageError, match=r"p\.md:2: cell 0-1 was never executed .* glassformer get smollm2"):
        execute(page(text))
    first, _ = page(text).cells
    stored = Run("p", [Record(first.id, first.digest, [{"text": ["7"]}])], [("a", "7"), ("b", "8")])
    run = execute(page(text), stored=stored)
    assert run.skipped == ["0-1"] and run.evals == [("a", "7"), ("b", "2")]
    assert [record.outputs for record in run.records] == [[{"text": ["7"]}], []]
    with pytest.raises(PageError, match=r"\{eval\} c failed"):
        execute(page(text.replace("{eval}`b`", "{eval}`c`")), stored=stored)


def test_what_a_cell_needs_is_said_with_its_size():
    style = (Path(render.__file__).parent / "static" / "book.css").read_text("utf-8")
    said = re.findall(r"tag_needs-([\w-]+) .*?\((\d+) MB\): glassformer get ([\w-]+)", style)
    assert said == [(name, str(round(SOURCES[name].size / 1e6)), name) for name in ("smollm2", "minilm", "gpt2-ranks")]
    assert {name for p in pages() for cell in p.cells for name in cell.needs} <= {name for name, _, _ in said}


def test_vendored_files_have_their_licenses():
    root = Path(render.__file__).parent
    assert "MIT" in (root / "vendor" / "katex.LICENSE").read_text() and (root / "static" / "katex" / "LICENSE").exists()
    for font in (root / "static" / "fonts").glob("*.woff2"):
        family = re.sub(r"-(latin|greek)-.*", "", font.name)
        assert "SIL OPEN FONT LICENSE" in (root / "static" / "fonts" / f"{family}.LICENSE").read_text().upper()


def test_the_script_knows_the_page_of_every_section_of_transformers():
    """Cards of the explorer name sections by number; book.js makes links of them."""
    import re

    from glassformer.app import site

    script = (site.PACKAGE / "app" / "book" / "static" / "book.js").read_text("utf-8")
    listed = re.findall(r'"(\d\d-[a-z-]+)"', script.split("const SECTIONS")[1].split("]")[0])
    assert listed == sorted(path.stem for path in (site.guide_folder() / "transformers").glob("[0-9]*.md"))
