import itertools
from pathlib import Path

import pytest

from glassformer.app.site import guide_folder
from glassformer.learn.paths import load, tables

GUIDE = load(guide_folder())
ROOT = Path(__file__).parents[2]


def test_nine_documents_and_three_paths():
    assert len(GUIDE.documents) == 9
    assert [path.id for path in GUIDE.paths] == ["beginner", "practitioner", "research"]


@pytest.mark.parametrize("document", GUIDE.documents, ids=lambda d: d.page)
def test_ready_says_what_exists(document):
    assert bool(document.ready) == (guide_folder() / f"{document.page}.md").exists()


def test_every_page_is_a_document_or_serves_them():
    pages = {p.stem for p in guide_folder().glob("*.md")}
    assert pages - GUIDE.pages() == {"index", "references", "classes", "distributed"}


def test_recommendation_of_the_clear_cases():
    names = [q.id for q in GUIDE.questions]
    assert GUIDE.recommend(dict.fromkeys(names, 0)) == "beginner"
    assert GUIDE.recommend({"programming": 2, "maths": 1, "time": 1, "style": 1}) == "practitioner"
    assert GUIDE.recommend({"programming": 2, "maths": 2, "time": 2, "style": 2}) == "research"


def test_who_never_programmed_and_knows_school_mathematics_begins_at_the_beginning():
    for time, style in itertools.product(range(3), repeat=2):
        assert GUIDE.recommend({"programming": 0, "maths": 0, "time": time, "style": style}) == "beginner"


def test_each_path_is_recommended_to_somebody():
    names = [q.id for q in GUIDE.questions]
    every = [GUIDE.recommend(dict(zip(names, a, strict=True))) for a in itertools.product(range(3), repeat=4)]
    assert min(every.count(path.id) for path in GUIDE.paths) >= 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("{page: rnn_intro, gives", "{page: rnn_intor, gives"), "step 'rnn_intor', which is no document"),
        (("points: {beginner: 4}", "points: {beginer: 4}"), r"gives points to \['beginer'\], no path"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path, change, message):
    text = (guide_folder() / "paths.yml").read_text("utf-8")
    (tmp_path / "paths.yml").write_text(text.replace(*change), "utf-8")
    with pytest.raises(ValueError, match=message):
        load(tmp_path)


def test_readme_has_the_tables():
    readme = (ROOT / "README.md").read_text("utf-8")
    for table in tables(GUIDE):
        assert table in readme, f"README.md should have:\n\n{table}"
