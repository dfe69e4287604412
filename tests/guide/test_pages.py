"""What must hold on every page: outputs belong to cells, links lead somewhere, terms are explained."""

import copy
import json
import re
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag

from glassformer.app.book.store import PAGE_LIMIT, SHARED, TOTAL_LIMIT, load
from glassformer.app.site import guide_folder, pages
from glassformer.learn.exercise import Words
from glassformer.learn.exercises import find
from tests.guide import parsed

PAGES = pages()
WITH_CELLS = [page for page in PAGES if page.cells]
NAMES = [page.name for page in PAGES]


def soup(site: Path, name: str) -> BeautifulSoup:
    return parsed(site / f"{name}.html")


@pytest.mark.parametrize("page", WITH_CELLS, ids=lambda p: p.name)
def test_stored_outputs_belong_to_the_cells(page):
    run = load(page.name, guide_folder() / "outputs")
    assert [(r.id, r.digest) for r in run.records] == [(c.id, c.digest) for c in page.cells]
    assert [e for e, _ in run.evals] == [e for piece in page.pieces for e in piece.evals]


def test_stored_outputs_are_small_and_all_used():
    folder = guide_folder() / "outputs"
    sizes = {}
    stored = "".join(file.read_text("utf-8") for file in folder.rglob("*.json") if file.parent.name != SHARED)
    for file in (f for f in folder.rglob("*") if f.is_file()):
        inside = file.relative_to(folder)
        if inside.parts[0] == SHARED:
            assert file.stem in stored, f"{inside} belongs to no page"
            continue
        name = (inside.parent if file.suffix == ".svg" else inside.with_suffix("")).as_posix()
        sizes[name] = sizes.get(name, 0) + file.stat().st_size
    assert set(sizes) == {page.name for page in WITH_CELLS}
    assert max(sizes.values()) <= PAGE_LIMIT and sum(sizes.values()) <= TOTAL_LIMIT


@pytest.mark.parametrize("page", WITH_CELLS, ids=lambda p: p.name)
def test_cells_that_vary_assert_something(page):
    for before, after in zip(page.cells, [*page.cells[1:], None], strict=True):
        if "varies" in before.options:
            checked = "assert " in before.source or (after is not None and "check" in after.options)
            assert checked, f"{page.name}, cell {before.id} varies, and nothing is asserted about it"


@pytest.mark.parametrize("name", NAMES)
def test_every_link_and_anchor_leads_somewhere(site, name):
    for attribute in ("href", "src"):
        for tag in soup(site, name).find_all(attrs={attribute: True}):
            target = str(tag[attribute])
            if re.match(r"(https?|mailto|data):", target):
                continue
            path, anchor = urldefrag(urljoin(f"/{name}.html", target))
            file = site / path.split("?")[0].lstrip("/")
            assert file.is_file(), f"{name}: {target}"
            if anchor and file.suffix == ".html":
                assert parsed(file).find(id=anchor), f"{name}: {target} has no such anchor"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_raw(site, name):
    article = copy.copy(soup(site, name).find("article"))
    assert isinstance(article, Tag)
    for tag in article.find_all(["pre", "code", "script", "math", "svg"]):
        tag.decompose()
    text = article.get_text()
    for raw in ("{eval}", "{cite", "{eq}", "```", "$$", "**", "not computed yet", "system-message"):
        assert raw not in text, f"{name} shows {raw}"
    assert "This cell has changed" not in str(article)


@pytest.mark.parametrize("name", NAMES)
def test_pictures_say_what_they_show(site, name):
    for picture in soup(site, name).select("article .gf-figure > svg, article .gf-still > svg"):
        assert len(str(picture["aria-label"])) > 20 and picture["role"] == "img"
    ids = [tag["id"] for tag in soup(site, name).find_all(id=True)]
    assert len(ids) == len(set(ids)), "ids are unique on a page"


def terms() -> dict[str, str]:
    """The glossary's terms and their anchors."""
    text = (guide_folder() / "glossary.md").read_text("utf-8")
    return {t: t.lower().replace(" ", "-") for t in re.findall(r"^## (.+)$", text, re.M)}


def test_glossary_is_in_order_and_each_entry_leads_to_its_section():
    text = (guide_folder() / "glossary.md").read_text("utf-8")
    names = list(terms())
    assert names == sorted(names, key=str.lower) and len(names) == len(set(names))
    for entry in text.split("\n## ")[1:]:
        assert re.search(r"\]\([\w/-]+\.md#", entry), f"no link to a section: {entry.splitlines()[0]}"
        assert 40 < len(entry) < 500


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.name not in ("glossary", "references", "index", "classes")], ids=lambda p: p.name
)
def test_terms_are_linked_where_they_first_occur(page):
    """Prose only: headings, code and formulas are left out; a term may stand in its plural."""
    prose = "\n".join(piece.source for piece in page.pieces if not piece.is_cell)
    body = "## " + prose.split("\n## ", 1)[1]  # after the promise at the top, which names what the page will teach
    body = re.sub(r"^```(?!`).*?^```$|^````.*?$|^:id:.*?$", " ", body, flags=re.S | re.M)  # an exercise is prose
    body = re.sub(r"\$\$.*?\$\$|^#[^\n]*|`[^`]*`|^\|[^\n]*", " ", body, flags=re.S | re.M)
    assert len(body) > len(prose) / 2, "most of the prose is looked at"
    missing = []
    for term, anchor in terms().items():
        link = re.search(rf"\[[^\]]*\]\((?:\.\./)?glossary\.md#{anchor}\)", body)
        plain = re.search(
            rf"(?<![\w-]){term}s?(?![\w-])", re.sub(r"\[[^\]]*\]\([^)]*\)", lambda m: " " * len(m[0]), body), re.I
        )
        if plain and (not link or plain.start() < link.start()):
            missing.append(f"{term}: …{body[plain.start() - 40 : plain.end() + 10]!r}")
    assert missing == [], f"{page.name}: terms occur before they are linked"


def test_terms_show_their_definition(site):
    links = soup(site, "nn_intro").select("a.gf-term")
    assert len(links) >= 15
    assert all(len(str(link["title"])) > 20 for link in links)


def test_equations_are_numbered_by_document_heading_and_counter(site):
    numbers = [tag.get_text() for tag in soup(site, "nn_intro").select(".math-block .eqno")]
    counts = {"3": 3, "4": 7, "5": 13}
    assert numbers == [f"(N{heading}.{i + 1})" for heading, count in counts.items() for i in range(count)]
    assert soup(site, "nn_intro").find("a", string="(N3.1)")


def test_preparation_is_no_link(site):
    page = soup(site, "index")
    assert len(page.select(".gf-path")) == 3
    for item in page.select(".gf-preparing"):
        assert not item.find("a") and "in preparation" in item.get_text()
    assert page.select_one('.gf-path a[href="nn_intro.html"]')


def test_search_index_knows_the_pages(site):
    text = (site / "searchindex.js").read_text("utf-8")
    index = json.loads(text[text.index("{") : text.rindex("}") + 1])
    assert set(index["docnames"]) == set(NAMES)
    place = index["docnames"].index("nn_intro")
    for word in ("perceptron", "exclam"):  # one from a heading, one from the text; words are kept by their stem
        found = [index[part].get(word, []) for part in ("terms", "titleterms")]
        assert any(place == f or (isinstance(f, list) and place in f) for f in found), word


def test_no_page_names_another_host(site):
    for file in site.rglob("*"):
        if file.suffix in (".html", ".css") and "_sources" not in file.parts:
            text = file.read_text("utf-8")
            for url in re.findall(r"(?:src=|url\(|@import |<link[^>]*href=)[\"']?(https?:[^\"') >]+)", text):
                pytest.fail(f"{file.name} asks {url}")


@pytest.mark.parametrize("page", WITH_CELLS, ids=lambda p: p.name)
def test_downloaded_notebook_is_plain_and_complete(site, page):
    notebook = nbformat.read(site / "notebooks" / f"{page.name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    assert not re.search(r"\{[\w:]+\}`|```\{", text)
    code = [c.source for c in notebook.cells if c.cell_type == "code"][1:]
    assert [source for source in code if not source.startswith("%")] == [c.source for c in page.cells]
    answered = [source.split()[1] for source in code if source.startswith("%")]
    assert answered == [name for name in page.exercises if not isinstance(find(name), Words)]


# One page of each document: that a notebook has the cells of its page, which are executed, is tested for all.
TRIED = [
    page for page in WITH_CELLS if page.name in ("nn_intro", "mlp_intro", "rnn_intro", "transformers/12-generation")
]


@pytest.mark.execute
@pytest.mark.parametrize("page", TRIED, ids=lambda p: p.name)
def test_downloaded_notebook_runs(site, page, tmp_path, monkeypatch):
    from nbclient import NotebookClient

    monkeypatch.setenv("GLASSFORMER_HOME", str(tmp_path))  # its exercises are checked, and nobody's progress is touched

    notebook = nbformat.read(site / "notebooks" / f"{page.name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()


@pytest.mark.execute
@pytest.mark.parametrize("page", WITH_CELLS, ids=lambda p: p.name)
def test_stored_outputs_still_follow(page, site):
    """The site that CI built holds a fresh execution beside it; without one the page is executed here."""
    from glassformer.app.book.execute import execute
    from glassformer.app.book.store import differences

    fresh = load(page.name, site.parent / "executed")
    if not fresh.records:
        fresh = execute(page)
    assert differences(page, load(page.name, guide_folder() / "outputs"), fresh) == []
