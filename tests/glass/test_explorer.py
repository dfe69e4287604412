"""The explorer: its JavaScript against Python on random passes, real passes of small models, its page in a real
browser.
"""

import base64
import json
import math
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import traitlets

from glassformer.glass.page import page
from glassformer.glass.trace import trace
from glassformer.glass.widgets import MIME
from glassformer.glass.widgets.explorer import Explorer, explorer, pass_of
from tests.glass.script import evaluator
from tests.glass.small import Letters, small

LAYERS, HEADS, TOKENS, WORDS = 3, 5, 7, 11


def random_pass(seed: int, causal: bool = True) -> dict[str, Any]:
    """A pass as ``pass_of`` gives it, with random numbers in every place."""
    rng = np.random.default_rng(seed)
    weights = rng.random((LAYERS, HEADS, TOKENS, TOKENS)) ** 4
    if causal:
        weights = np.tril(weights)
    weights /= weights.sum(-1, keepdims=True)
    packed = (weights * 255).round().astype(np.uint8)

    def words(*shape: int) -> list[Any]:
        count = math.prod(shape)
        pairs = [
            [int(w), round(float(p), 3)] for w, p in zip(rng.integers(0, WORDS, count), rng.random(count), strict=True)
        ]
        return (
            np.array([None] * count, dtype=object).tolist()
            if not count
            else [pairs[i * shape[-1] : (i + 1) * shape[-1]] for i in range(count // shape[-1])]
        )

    return {
        "tokens": [f" t{i}" for i in range(TOKENS)],
        "layers": LAYERS,
        "heads": HEADS,
        "causal": causal,
        "attention": [
            "" if seed % 5 == 4 and layer == 1 else base64.b64encode(packed[layer]).decode() for layer in range(LAYERS)
        ],
        "norms": (rng.random((LAYERS + 1, TOKENS)) * 100).round(2).tolist(),
        "words": [f"w{i}" for i in range(WORDS)],
        "lens": words(LAYERS + 1, TOKENS),
        "next": words(TOKENS, 4),
    }


def expected(state: dict[str, Any]) -> dict[str, Any]:
    """What the figure must say, computed from the same bytes."""
    data, token, layer, head = state["data"], state["token"], state["layer"], state["head"]

    def shares(at: int, of: int) -> np.ndarray | None:
        if not data["attention"][at]:
            return None
        table = np.frombuffer(base64.b64decode(data["attention"][at]), np.uint8).reshape(HEADS, TOKENS, TOKENS)
        row = table[of, token].astype(float)
        return row / (row.sum() or 1)

    def measure(row: np.ndarray | None) -> float | None:
        if row is None:
            return None
        if state["measure"] == "first":
            return float(row[0])
        return float(-sum(p * math.log2(p) for p in row if p))

    return {
        "shares": shares(layer, head),
        "map": [[measure(shares(at, of)) for of in range(HEADS)] for at in range(LAYERS)],
        "norms": [row[token] for row in data["norms"]],
        "next": [{"word": data["words"][w], "chance": p} for w, p in data["next"][token]],
        "lens": [{"word": data["words"][row[token][0]], "chance": row[token][1]} for row in data["lens"]],
    }


def as_written(x: float) -> str:
    """One decimal, ties away from zero as JavaScript has them, no zero at the end."""
    return str(Decimal(x).quantize(Decimal("0.1"), ROUND_HALF_UP)).removesuffix(".0")


def percent(p: float) -> str:
    if 0 < p < 0.005:
        return "under 1\u00a0%"
    return "over 99\u00a0%" if 0.995 <= p < 1 else f"{math.floor(100 * p + 0.5)}\u00a0%"


def states() -> Any:
    rng = np.random.default_rng(20250214)
    for seed in range(100):
        yield {
            "data": random_pass(seed, causal=seed % 3 > 0),
            "token": int(rng.integers(TOKENS)),
            "layer": int(rng.integers(LAYERS)),
            "head": int(rng.integers(HEADS)),
            "measure": ("entropy", "first")[seed % 2],
        }


def test_the_script_says_what_python_does() -> None:
    evaluate = evaluator("explorer")
    without = 0
    for state in states():
        found, wanted = evaluate(f"compute({json.dumps(state)})"), expected(state)
        if wanted["shares"] is None:
            without += 1
            assert found["shares"] is None and "has no attention" in found["sentence"]
        else:
            assert np.allclose(found["shares"], wanted["shares"], rtol=0, atol=1e-6)
            best = int(np.argmax(wanted["shares"]))
            name = "itself" if best == state["token"] else f"“t{best}”"
            assert f"head {state['head']}: “t{state['token']}” reads most from {name}," in found["sentence"]
        for ours, theirs in zip(found["map"], wanted["map"], strict=True):
            assert all(
                (a is None) == (b is None) and abs((a or 0) - (b or 0)) < 1e-6
                for a, b in zip(ours, theirs, strict=True)
            )
        assert found["norms"] == wanted["norms"] and found["lens"] == wanted["lens"] and found["next"] == wanted["next"]
        early, top = wanted["lens"][state["layer"] + 1], wanted["next"][0]
        length = as_written(wanted["norms"][state["layer"] + 1])
        would = f"would predict “{early['word']}” ({percent(early['chance'])})."
        assert f"After the layer its stream is {length} long and {would}" in found["sentence"]
        assert found["sentence"].endswith(f"is “{top['word']}” ({percent(top['chance'])}).")
        where = "after" if state["data"]["causal"] else "in the place of"
        assert f"prediction {where} “t{state['token']}” is" in found["sentence"]
    assert without > 3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_stage_says_what_the_trace_holds(seed: int) -> None:
    found = trace(small("llama", seed), "abcdefg", tokenizer=Letters())
    data = pass_of(small("llama", seed), found)
    evaluate = evaluator("explorer")

    def at(stage: str, token: int = 4, layer: int = 1) -> dict[str, Any]:
        state = {"data": data, "token": token, "layer": layer, "head": 0, "measure": "entropy", "stage": stage}
        result: dict[str, Any] = evaluate(f"compute({json.dumps(state)})")
        return result

    assert f"stands at position 4, number {int(found.ids[0, 4])} of" in at("tokens")["sentence"]
    vectors = found.stream(-1).float()
    shown = at("embeddings")
    step = float((vectors[4].max() - vectors[4].min()) / 255)
    assert np.abs(np.array(shown["vector"]) - vectors[4].numpy()).max() <= step / 2 * 1.01
    cosines = torch.cosine_similarity(vectors[4], vectors, dim=-1).numpy()
    assert np.abs(np.array(shown["cosines"]) - cosines).max() < 0.02
    hidden = found["stack.1.feedforward.part.hidden"].value[0, 4]
    largest = at("feedforward")["largest"]
    assert {one["neuron"] for one in largest} == set(hidden.abs().topk(8).indices.tolist())
    for one in largest:
        assert one["value"] == pytest.approx(float(hidden[one["neuron"]]), rel=1e-3)
    assert f"number {largest[0]['neuron']} is farthest from 0" in at("feedforward")["sentence"]
    assert at("stream")["sentence"].startswith("Layer 1: “e”. After the layer its stream is")
    assert at("logits")["sentence"].startswith("The model's own prediction after “e” is")


def test_a_stage_without_data_says_so() -> None:
    evaluate = evaluator("explorer")
    state = {"data": random_pass(0) | {"next": [], "lens": []}, "token": 1, "layer": 1, "head": 0, "measure": "first"}
    for stage, words in {
        "embeddings": "are not stored",
        "feedforward": "stores no hidden neurons",
        "logits": "predicts no tokens",
    }.items():
        assert words in evaluate(f"compute({json.dumps(state | {'stage': stage})})")["sentence"]


def test_a_choice_beyond_a_shorter_text_is_held_within_it() -> None:
    state = {"data": random_pass(0), "token": 90, "layer": 90, "head": 90, "measure": "entropy"}
    found = evaluator("explorer")(f"compute({json.dumps(state)})")
    assert (found["token"], found["layer"], found["head"]) == (TOKENS - 1, LAYERS - 1, HEADS - 1)


def test_a_pass_is_what_was_traced() -> None:
    model = small()
    found = trace(model, "abcdefg", tokenizer=Letters())
    data = pass_of(model, found)
    assert data["tokens"] == list("abcdefg") and data["causal"] and data["layers"] == found.layers()
    for layer in range(found.layers()):
        weights = found.attention(layer).numpy()
        table = np.frombuffer(base64.b64decode(data["attention"][layer]), np.uint8).reshape(weights.shape)
        assert np.abs(table / 255 - weights).max() <= 0.5 / 255 + 1e-6  # half a step
    # the lens of the last layer is the model's own prediction
    for token in range(7):
        word, chance = data["next"][token][0]
        assert data["lens"][-1][token] == [word, chance]
        assert chance == pytest.approx(float(found.logits[token].softmax(0).max()), rel=2e-3)


def test_a_new_text_is_traced_or_refused() -> None:
    figure = explorer(small(), Letters(), "abc")
    assert figure.live and not figure.state()["live"] and figure.token == 2
    figure.text = "hello"
    assert figure.data["tokens"] == list("hello") and figure.token == 4 and figure.problem == ""
    figure.text = "x" * 33
    assert "at most 32 tokens" in figure.problem and figure.data["tokens"] == list("hello")
    figure.text = "é"
    assert figure.problem.startswith("This text was not traced")
    with pytest.raises(ValueError, match="text must not be empty"):
        explorer(small(), Letters(), "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"token": TOKENS}, "token must be between 0 and 6"),
        ({"layer": -1}, "layer must be between 0 and 2"),
        ({"stage": "drums"}, "stage must be one of tokens, embeddings"),
        ({"measure": "loudness"}, "measure must be one of entropy, first"),
        ({"data": {"tokens": []}}, "is missing"),
        ({"data": random_pass(0) | {"norms": [[1.0]]}}, "data must have norms of 4 rows and 7 columns"),
        ({"data": random_pass(0) | {"heads": 4}}, "data must have attention of 196 bytes a layer"),
    ],
)
def test_values_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(traitlets.TraitError, match=message):
        Explorer(**({"data": random_pass(0)} | changes))


def test_the_still_and_the_size_of_a_state() -> None:
    figure = explorer(small(), Letters(), "abcdefg")
    shown = figure._repr_mimebundle_()
    bundle = shown[0] if isinstance(shown, tuple) else shown
    assert "<svg" in bundle[MIME]["still"] and "Layer" in bundle[MIME]["still"]
    # 12 tokens, 30 layers, 9 heads: what SmolLM2 makes of a sentence
    packed = base64.b64encode(bytes(9 * 12 * 12)).decode()
    large = random_pass(0) | {"tokens": ["tokens"] * 12, "layers": 30, "heads": 9, "attention": [packed] * 30}
    large |= {"norms": [[123.4] * 12] * 31, "words": ["word"] * 400, "lens": [[[399, 0.123]] * 12] * 31}
    large |= {"next": [[[399, 0.123]] * 8] * 12}
    assert len(json.dumps(Explorer(data=large).state())) < 300_000


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    figure = explorer(small(), Letters(), "abcdefg")
    return page(figure, tmp_path_factory.mktemp("page") / "see.html", title="A <small> model", flow="flow & shapes")


def test_the_page_is_one_file(written: Path) -> None:
    text = written.read_text("utf-8")
    assert "A &lt;small&gt; model" in text and "flow &amp; shapes" in text
    assert not re.search(r"""\ssrc=|href="(?!#)|url\((?!#)|@import|https?://(?!www\.w3\.org|purl\.org)""", text)


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_the_page_in_a_browser(written: Path, chromium: str, width: int, scheme: Any) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="needs Playwright: python tools/env.py browser")
    from axe_playwright_python.sync_playwright import Axe

    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        tab = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        problems: list[str] = []
        asked: list[str] = []
        tab.on("console", lambda message: problems.append(message.text))
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(written.as_uri())
        sentence = tab.locator("[aria-live]")
        api.expect(sentence).to_contain_text("reads most from")
        before = sentence.inner_text()
        tab.get_by_role("radio", name="c", exact=True).focus()
        tab.keyboard.press("Space")  # the keyboard alone
        api.expect(sentence).to_contain_text("“c”")
        tab.get_by_role("button", name="one layer on").click()
        tab.get_by_role("group", name="Head").get_by_role("radio", name="1", exact=True).click()
        api.expect(sentence).to_contain_text("head 1")
        assert sentence.inner_text() != before
        tab.get_by_text("attention to the first token").click()
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.get_by_role("tab", name="Attention").focus()
        for name in ("Stream", "Feed-forward", "Logits", "Tokens", "Embeddings"):  # the keyboard alone, around the end
            tab.keyboard.press("ArrowRight")
            chosen = tab.get_by_role("tab", name=name)
            api.expect(chosen).to_be_focused()
            api.expect(chosen).to_have_attribute("aria-selected", "true")
        api.expect(sentence).to_contain_text("enters the first layer as")
        tab.keyboard.press("End")
        api.expect(sentence).to_contain_text("The model's own prediction")
        tab.get_by_role("tab", name="Attention").click()
        opener = tab.get_by_role("button", name="scores")
        opener.focus()
        tab.keyboard.press("Enter")
        api.expect(opener).to_have_attribute("aria-expanded", "true")
        api.expect(tab.locator(".card")).to_contain_text("scores = q kᵀ / √d_k")
        api.expect(tab.locator(".card")).to_contain_text("Explained in section 9 of Transformers.")
        assert tab.locator(".card a[href]").count() == 0  # outside the guide it is text
        api.expect(sentence).to_contain_text("scores: How well each query fits each key")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(tab)
        assert found.violations_count == 0, found.generate_report()
        assert not problems and asked == [written.as_uri()]
        browser.close()
