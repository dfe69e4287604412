"""The command line: what it says, and one clear sentence for each thing that can go wrong."""

import os
import subprocess
import sys

import pytest

from glassformer.app import server, site
from glassformer.cli import main
from glassformer.learn.check import check
from glassformer.learn.exercises import exercises, find
from glassformer.learn.progress import Progress


def test_without_arguments_it_says_what_one_can_do(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "glassformer read" in said and "glassformer build OUT" in said


def test_unknown_page_suggests_the_nearest(capsys):
    assert main(["read", "nn_itnro"]) == 1
    assert capsys.readouterr().err == "glassformer: There is no page 'nn_itnro'. Did you mean 'nn_intro'?\n"
    assert main(["read", "qqqqqq"]) == 1
    pages = "classes, distributed, glossary, index, mlp_intro, nn_intro, references, rnn_intro, transformers/01-prereq"
    assert f"The pages are: {pages}" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_port_out_of_range(port, capsys):
    assert main(["read", f"--port={port}"]) == 1
    assert f"Port {port} cannot be used: ports are numbers from 0 to 65535." in capsys.readouterr().err


def test_export_never_overwrites(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("precious")
    assert main(["build", str(tmp_path)]) == 1
    assert "is not empty, and nothing in it is overwritten" in capsys.readouterr().err
    assert [f.name for f in tmp_path.iterdir()] == ["mine.txt"]
    assert main(["build", str(tmp_path / "mine.txt")]) == 1
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_export_is_a_whole_site(tmp_path):
    out = tmp_path / "new" / "site"
    assert main(["build", str(out)]) == 0
    assert (out / "index.html").exists() and (out / "notebooks" / "nn_intro.ipynb").exists()
    assert [f.name for f in out.parent.iterdir()] == ["site"], "nothing is left beside it"


def test_a_home_that_cannot_be_written(tmp_path, capsys, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("GLASSFORMER_HOME", str(blocked / "inside"))
    assert main(["read"]) == 1
    said = capsys.readouterr().err
    assert "cannot write to" in said and "Set GLASSFORMER_HOME to a folder that you can write to" in said


def test_a_failed_build_leaves_the_old_site(tmp_path, monkeypatch):
    guide = tmp_path / "guide"
    guide.mkdir()
    (guide / "conf.py").write_text((site.guide_folder() / "conf.py").read_text())
    (guide / "paths.yml").write_text((site.guide_folder() / "paths.yml").read_text())
    (guide / "references.bib").write_text("")
    (guide / "index.md").write_text("# Home\n\n[nowhere](nowhere.md)\n")
    monkeypatch.setattr(site, "guide_folder", lambda: guide)
    target = tmp_path / "site"
    target.mkdir()
    (target / "index.html").write_text("old")
    with pytest.raises(site.SiteError, match="nowhere"):
        site.build(target, strict=True)
    assert (target / "index.html").read_text() == "old"


def test_no_browser_is_no_failure(monkeypatch):
    import webbrowser

    def broken(_):
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "open", broken)
    monkeypatch.setenv("DISPLAY", ":0")
    assert server._open("http://127.0.0.1") is False


def test_without_a_display_no_browser_is_tried(monkeypatch):
    import webbrowser

    monkeypatch.setattr(webbrowser, "open", lambda _: pytest.fail("a browser was tried"))
    monkeypatch.setattr(server.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert server._open("http://127.0.0.1") is False


def test_a_missing_package_is_named():
    code = (
        "import sys; sys.modules['jupyter_server'] = None; from glassformer.cli import main; sys.exit(main(['read']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 1
    assert "The package 'jupyter_server" in done.stderr and "pip install" in done.stderr


def test_fingerprint_follows_what_a_page_depends_on(tmp_path, monkeypatch):
    guide = tmp_path / "guide"
    guide.mkdir()
    (guide / "a.md").write_text("one")
    monkeypatch.setattr(site, "guide_folder", lambda: guide)
    first = site.fingerprint()
    assert site.fingerprint() == first
    (guide / "a.md").write_text("two")
    assert site.fingerprint() != first


def test_two_builds_at_once_do_not_meet(tmp_path):
    code = "import sys; from pathlib import Path; from glassformer.app.site import build; build(Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path / "site")]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both].count(0) >= 1, said
    assert (tmp_path / "site" / "index.html").exists()
    assert [f.name for f in tmp_path.iterdir()] == ["site"]


def test_check_and_progress(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GLASSFORMER_HOME", str(tmp_path / "home"))
    code = tmp_path / "my.py"
    code.write_text("def neuron(x, w, b):\n    return torch.sigmoid(x @ w)\n")
    assert main(["check", "nn.neuron", str(code)]) == 1
    assert "nn.neuron: not yet." in (said := capsys.readouterr().out) and "The bias is missing." in said
    code.write_text("def neuron(x, w, b):\n    return torch.sigmoid(x @ w + b)\n")
    assert main(["check", "nn.neuron", str(code)]) == 0
    assert main(["check", "nn.sigmoid", "64.6", "%"]) == 0
    assert main(["check", "nn.bias-shift", "-3.9"]) == 0
    assert main(["check", "nn.doubled", "1"]) == 1
    capsys.readouterr()
    assert main(["progress"]) == 0
    said = capsys.readouterr().out
    assert f"3 of {len(exercises())} exercises are right." in said and "ML Practitioner Path" in said
    assert main(["progress", "--path", "beginner"]) == 0
    said = capsys.readouterr().out
    assert "ML Practitioner Path" not in said
    assert "  [ ] Say how perceptrons make networks  (1 of 12 exercises)" in said.splitlines()
    assert "  [ ] Explain what a network does and why it works for language  (1 of 5 exercises)" in said.splitlines()
    assert "  Next: nn.three-names, in Neural Networks Introduction (glassformer read nn_intro)" in said.splitlines()
    assert main(["check", "nn.three-names", "2"]) == 0
    model = find("nn.three-names-in-words")
    Progress().record(check(model.id, {"text": model.model, "points": [0, 1, 2]}), model.model)
    Progress().tick("beginner:attention", True)
    assert main(["progress"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  [x] Tell AI, machine learning and deep learning apart" in lines
    assert "  [-] Explain how attention works and why it mattered" in lines
    kept = tmp_path / "kept.json"
    assert main(["progress", "--export", str(kept)]) == 0
    assert main(["progress", "--export", str(kept)]) == 1
    monkeypatch.setenv("GLASSFORMER_HOME", str(tmp_path / "other"))
    assert main(["progress", "--import", str(kept)]) == 0
    assert "7 new attempts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check", "nn.neurone", "my.py"], "Did you mean nn.neuron?"),
        (["check", "nn.neuron", "nowhere.py"], "nowhere.py"),
        (["check", "nn.neuron"], "needs a file with your code"),
        (["check", "nn.three-names-in-words", "so"], "is answered in words"),
        (["progress", "--import", "nowhere.json"], "nowhere.json"),
        (["progress", "--import", __file__], "it is no JSON. Nothing is changed."),
        (["progress", "--path", "begin"], "path (begin) must be one of beginner, practitioner, research."),
    ],
)
def test_check_says_what_is_missing(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.setenv("GLASSFORMER_HOME", str(tmp_path))
    assert main(arguments) == 1
    assert sentence in capsys.readouterr().err
