import importlib.util
import json
from pathlib import Path

import pytest
import torch

from glassformer.data import recorded

FOLDER = Path(__file__).parents[1] / "experiments"
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if path.name != "recording.py")


def load(path, monkeypatch):
    """The module at ``path``, which finds its neighbors as if it were run from there."""
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location(f"experiments_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _one_thread():
    """As in the experiments; and small sums are quicker so."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def recording(monkeypatch):
    return load(FOLDER / "recording.py", monkeypatch)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_is_recorded_comes_from_this_code(script, recording):
    file = recording.RECORDED / f"{script.stem}.json"
    assert file.exists(), f"{file.name} is missing: run make experiments"
    assert recorded(script.stem)["code"] == recording.code(script), f"{file.name} is out of date: run make experiments"


def test_nothing_is_recorded_without_its_experiment(recording):
    assert {path.stem for path in recording.RECORDED.glob("*.json")} == {path.stem for path in SCRIPTS}


def test_the_figures_of_the_plays_belong_together():
    found = recorded("plays")
    by_title = list(found["deep_averaging_by_title"].values())
    assert len(by_title) == found["plays"] == 25
    assert found["deep_averaging_minus_bag_of_words"]["mean"] == pytest.approx(
        (sum(by_title) - sum(found["bag_of_words_by_title"].values())) / 25,
        abs=1e-4,  # rounded to four digits
    )
    for split in ("by_play", "by_passage", "by_passage_every_word"):
        folds = [fold for fold in found["by_fold"] if fold["split"] == split]
        assert [(fold["seed"], fold["fold"]) for fold in folds] == [(s, f) for s in found["seeds"] for f in range(5)]
        for model in ("majority", "bag_of_words", "deep_averaging"):
            # Folds are of unequal size; the mean over folds is near the share of all passages.
            mean = sum(fold[model] for fold in folds) / len(folds)
            assert found[split][model]["accuracy"]["mean"] == pytest.approx(mean, abs=0.02)


def test_each_play_is_tested_once_for_each_seed(monkeypatch):
    experiment = load(FOLDER / "plays.py", monkeypatch)
    owner = experiment.table()[3]
    for seed in experiment.SEEDS:
        folds = experiment.dealt("plays", seed)
        sizes = [[], []]
        for fold in range(experiment.FOLDS):
            titles = owner[folds == fold].unique().tolist()
            kinds = [experiment.plays()[index].kind for index in titles]
            for size, kind in zip(sizes, ("comedy", "tragedy"), strict=True):
                size.append(kinds.count(kind))
            assert len(titles) == 5
            assert not set(titles) & set(owner[folds != fold].tolist())
        assert sorted(sizes[0]) == [2, 3, 3, 3, 3]
        assert sorted(sizes[1]) == [2, 2, 2, 2, 3]


def test_the_bag_of_words_is_at_its_least(monkeypatch):
    experiment = load(FOLDER / "plays.py", monkeypatch)
    torch.manual_seed(0)
    ids, kinds = torch.randint(0, 23, (211, 7)), torch.randint(0, 2, (211,))
    present = torch.zeros(211, 23).scatter_(1, ids, 1.0)[:, 1:].double()
    weight = torch.zeros(22, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
    for _ in range(300):  # the plainest other way: gradient descent on a dense table
        loss = torch.nn.functional.binary_cross_entropy_with_logits(present @ weight + bias, kinds.double())
        gradients = torch.autograd.grad(loss + 0.05 * weight.square().sum(), (weight, bias))
        with torch.no_grad():
            weight -= gradients[0]
            bias -= gradients[1]
    logits = experiment.bag_of_words(23, ids, kinds, l2=0.1)(ids)
    # L-BFGS stops in float32 when the loss no longer changes: about 1e-4 in the logits.
    torch.testing.assert_close(logits.double(), (present @ weight + bias).detach(), rtol=0, atol=1e-3)


@pytest.mark.execute
def test_one_fold_comes_out_as_recorded(monkeypatch):
    experiment = load(FOLDER / "plays.py", monkeypatch)
    now = experiment.fold_accuracies(experiment.measure("by_play", seed=0, fold=0))
    then = next(fold for fold in recorded("plays")["by_fold"] if (fold["seed"], fold["fold"]) == (0, 0))
    assert now["majority"] == pytest.approx(then["majority"], abs=1e-4)  # counted; rounded to four digits
    # The last bits of sums differ between processors and versions of PyTorch. The convex bag of words hardly notices;
    # 900 steps of Adam let them grow until a few passages near the border change sides.
    assert now["bag_of_words"] == pytest.approx(then["bag_of_words"], abs=0.005)
    assert now["deep_averaging"] == pytest.approx(then["deep_averaging"], abs=0.02)


PROGRAM = '''
"""A docstring."""
import glassformer.one
def f(x=None):
    """Another."""
    return x, 1  # a comment
'''


@pytest.fixture
def tree(tmp_path, recording, monkeypatch):
    """A script, the modules ``one`` and ``two`` of which it uses one and so two, and a module that it does not use."""
    monkeypatch.setattr(recording, "ROOT", tmp_path)
    monkeypatch.setattr(recording, "SOURCE", tmp_path / "src")
    monkeypatch.setattr(recording, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(recording, "RECORDED", tmp_path / "recorded")
    package = tmp_path / "src" / "glassformer"
    package.mkdir(parents=True)
    (package / "one.py").write_text("from glassformer import two\n")
    (package / "two.py").write_text("from glassformer.one import x\ny = 2\n")
    (package / "three.py").write_text("z = 3\n")
    (package / "two.csv").write_text("2")
    (tmp_path / "script.py").write_text(PROGRAM)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("script.py", '"""A docstring."""', ""),
        ("script.py", "Another.", "Something else."),
        ("script.py", "  # a comment", ""),
        ("script.py", "x, 1", "(x,\n        1)"),
        ("src/glassformer/three.py", "3", "4"),
    ],
)
def test_the_hash_is_blind_to_what_changes_no_result(tree, recording, file, old, new):
    before = recording.code(tree / "script.py")
    text = (tree / file).read_text()
    assert old in text
    (tree / file).write_text(text.replace(old, new))
    assert recording.code(tree / "script.py") == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("script.py", "x, 1", "x, 2"),
        ("script.py", "x, 1", "1, x"),
        ("script.py", "x=None", "x=0"),
        ("script.py", "x=None", "x=False"),
        ("script.py", "def f", "def g"),
        ("src/glassformer/one.py", "two", "two as three"),
        ("src/glassformer/two.py", "y = 2", "y = 2.0"),
        ("src/glassformer/two.csv", "2", "3"),
    ],
)
def test_the_hash_sees_what_may_change_a_result(tree, recording, file, old, new):
    before = recording.code(tree / "script.py")
    text = (tree / file).read_text()
    assert old in text
    (tree / file).write_text(text.replace(old, new))
    assert recording.code(tree / "script.py") != before


def test_the_hash_is_the_same_in_every_python(tree, recording):
    # Computed with 3.11. Were it to depend on the version, the results would look out of date on another machine.
    assert recording.code(tree / "script.py")[:16] == "0ad57e95d9657875"


def test_the_experiment_s_modules_are_found(recording):
    import ast

    used = {path.stem for path in recording.imported(ast.parse((FOLDER / "plays.py").read_text()))}
    assert used == {"plays", "averaging", "optimizer"}  # mlp is found through averaging


def test_an_interrupted_run_goes_on(tree, recording, capsys):
    asked = []

    def compute(key):
        asked.append(key)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return {"length": len(key), "pair": (1, 2)}

    script, keys = tree / "script.py", ["a", "bb", "ccc"]
    with pytest.raises(KeyboardInterrupt):
        recording.resumed(script, keys, compute)
    (cache,) = recording.CACHE.iterdir()
    cache.write_text(cache.read_text() + '\n["ccc", {"len')  # cut off in the middle of a line
    done = recording.resumed(script, keys, compute)
    assert asked == ["a", "bb", "ccc", "ccc"]
    assert done == {key: {"length": len(key), "pair": [1, 2]} for key in keys}
    assert recording.resumed(script, keys, compute) == done
    assert len(asked) == 4
    assert "  3 of 3   ccc" in capsys.readouterr().out
    script.write_text(PROGRAM.replace("x, 1", "x, 2"))  # other code: what was kept is of no use
    recording.resumed(script, keys, compute)
    assert len(asked) == 7


def test_figures_are_rounded_and_kept_readable(tree, recording):
    recording.resumed(tree / "script.py", ["a"], lambda key: {})
    path = recording.write(tree / "script.py", {"a": 1 / 3, "b": [2 / 3, {"c": 1e-9, "d": (1, None)}], "é": "é"})
    assert path == tree / "recorded" / "script.json"
    found = json.loads(path.read_text("utf-8"))
    assert found.pop("code") == recording.code(tree / "script.py")
    assert found == {"a": 0.3333, "b": [0.6667, {"c": 0.0, "d": [1, None]}], "é": "é"}
    assert len(path.read_text("utf-8").splitlines()) == 2 + 4
    assert not list(recording.CACHE.iterdir())  # the next run starts anew
