"""The map of ``transformers``: twenty headings with fixed anchors, a page for each section, and all in print."""

import re
from collections import Counter

import pytest

from glassformer.app.site import guide_folder
from tests.guide import parsed

HEADINGS = [
    "1-prerequisites",
    "2-overview",
    "3-historical-context",
    "4-pipeline",
    "5-stage-1-text-to-tokens",
    "6-stage-2-tokens-to-embeddings",
    "7-stage-3-through-the-stack",
    "8-architectural-variants-encoder-decoder-and-encoder-decoder",
    "9-stage-4-self-attention-deep-dive",
    "10-stage-5-kv-cache",
    "11-stage-6-feed-forward-networks-and-normalization",
    "12-stage-7-output-generation",
    "13-training-objectives-and-data-curriculum",
    "14-training-backpropagation-flow",
    "15-weight-updates-and-optimization",
    "16-parameter-efficient-fine-tuning",
    "17-quantization-for-deployment",
    "18-evaluation-and-diagnostics",
    "19-complete-mathematical-summary",
    "20-summary-and-future-directions",
]
SECTIONS = sorted(path.stem for path in (guide_folder() / "transformers").glob("*.md"))


def test_the_map_has_the_twenty_headings_in_order(site):
    page = parsed(site / "transformers.html")
    places = [page.find(id=anchor) for anchor in HEADINGS]
    assert None not in places
    assert [int(heading.get_text().split(".")[0]) for heading in page.select("article h2")] == [*range(1, 21)]


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_carries_the_anchor_of_the_map_and_is_linked_from_there(site, name):
    number = int(name[:2])
    page = parsed(site / "transformers" / f"{name}.html")
    assert page.find(id=HEADINGS[number - 1]) and page.h1.get_text().startswith(f"{number}. ")
    there = parsed(site / "transformers.html").find(id=HEADINGS[number - 1]).find_parent("section")
    assert any(link["href"] == f"transformers/{name}.html" for link in there.find_all("a"))


def test_the_print_page_joins_the_sections(site):
    text = (site / "transformers" / "print.html").read_text("utf-8")
    article = text[text.index("<article") : text.index("</article>")]
    ids = Counter(re.findall(r'\bid="([^"]*)"', article))
    assert max(ids.values()) == 1
    assert [f"s{name[:2]}" for name in SECTIONS] == [one for one in ids if re.fullmatch(r"s\d\d", one)]
    assert "<script" not in article and "<button" not in article
    for target in re.findall(r'href="#([^"]*)"', article):
        assert target in ids, target
    for beside in re.findall(r'href="([^"#:]+)[^":]*"', article):
        assert (site / "transformers" / beside).resolve().exists(), beside
