"""Storing what pages show, and checking that it still follows, on a small guide of its own."""

import shutil
import subprocess

import pytest

from glassformer.app import publish, site
from glassformer.app.book.store import load

INDEX = "# Home\n\n```python\nvalue = 1.5\nprint(value)\n```\n\nNow {eval}`value`.\n\n```{toctree}\n```\n"


@pytest.fixture
def guide(tmp_path, monkeypatch):
    folder = tmp_path / "guide"
    folder.mkdir()
    for name in ("conf.py", "paths.yml", "references.bib"):
        shutil.copy(site.guide_folder() / name, folder / name)
    (folder / "index.md").write_text(INDEX, "utf-8")
    for module in (site, publish):
        monkeypatch.setattr(module, "guide_folder", lambda: folder)
    return folder


@pytest.mark.execute
def test_stored_then_checked_then_changed(guide, tmp_path):
    said: list[str] = []
    assert publish.store([], said.append) == 0
    assert load("index", guide / "outputs").evals == [("value", "1.5")]
    target = tmp_path / "out" / "site"
    assert publish.check(target, said.append) == 0
    assert "1.5" in (target / "index.html").read_text("utf-8")

    def git(*words):
        who = ["-c", "user.name=Reader", "-c", "user.email=reader@example.org"]
        subprocess.run(["git", *who, *words], cwd=guide, check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "as it is")
    said.clear()
    assert publish.check(target, said.append, changed=True) == 0
    assert not any("executed" in sentence for sentence in said), "nothing has changed, so nothing is executed"

    assert "1.5" in (target / "index.html").read_text("utf-8")

    stored = guide / "outputs" / "index.json"
    stored.write_text(stored.read_text("utf-8").replace('"1.5"', '"1.6"'), "utf-8")
    said.clear()
    assert publish.check(target, said.append, changed=True) == 1
    assert any("stored ['1.6']" in s or "stored '1.6', now '1.5'" in s for s in said)

    page = guide / "index.md"
    page.write_text(page.read_text("utf-8").replace("value = 1.5", "value = 2.5"), "utf-8")
    said.clear()
    assert publish.check(target, said.append, changed=True) == 1
    assert any("belong to other cells" in sentence for sentence in said)


def test_pages_that_were_not_named_are_left_alone(guide):
    assert publish.store(["other"], lambda _: None) == 0
    assert not (guide / "outputs").exists()
