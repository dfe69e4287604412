"""See through any model: tokens, layers and heads, the residual stream, the logit lens, the predictions.

In a live cell it traces the reader's own text; on a page it shows the one pass that was stored. Taught in
``transformers``, section 7.

Legend: N layers, H heads, T tokens.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import numpy as np
import torch
import traitlets
from matplotlib import rc_context
from matplotlib.figure import Figure

from glassformer.glass.explicit import title
from glassformer.glass.figures.attention import draw_weights, shown
from glassformer.glass.lens import lens, top_tokens
from glassformer.glass.recording import Record
from glassformer.glass.style import SERIES, svg, use_style
from glassformer.glass.trace import Trace, trace
from glassformer.glass.widgets.base import InteractiveFigure, one_of
from glassformer.glass.widgets.tensors import STAGES, entry, role

MOST: Final = 32  # tokens: attention takes N · H · T² bytes
NEXT: Final = 8  # predictions that are shown for each token
NEURONS: Final = 8  # hidden neurons that are stored for each token and layer
MEASURES: Final = ("entropy", "first")
_KEYS: Final = ("tokens", "layers", "heads", "causal", "attention", "norms", "words", "lens", "next")


class Explorer(InteractiveFigure):
    """One pass of a model, to walk through. ``explorer(model, tokenizer, text)`` makes it.

    ``data`` is what ``pass_of`` gives; ``stage``, ``token``, ``layer`` and ``head`` are chosen, ``measure`` shades the
    map of heads. With ``retrace`` the figure is ``live``: a new ``text`` is traced, and ``problem`` says why it was
    not. A state on a page is never live. Raises ``traitlets.TraitError`` for a value that does not fit.
    """

    module: ClassVar[str] = "explorer"
    alt: ClassVar[str] = (
        "One pass of a model: from where a chosen token reads in a chosen head, and the most likely predictions there."
    )

    data = traitlets.Dict().tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)
    token = traitlets.Int(0).tag(sync=True)
    layer = traitlets.Int(0).tag(sync=True)
    head = traitlets.Int(0).tag(sync=True)
    measure = traitlets.Unicode("entropy").tag(sync=True)
    stage = traitlets.Unicode("attention").tag(sync=True)
    live = traitlets.Bool(False).tag(sync=True)
    problem = traitlets.Unicode("").tag(sync=True)

    def __init__(self, *, retrace: Callable[[str], dict[str, Any]] | None = None, **traits: Any) -> None:
        super().__init__(**traits)
        if retrace is not None:
            self.live = True
            self.observe(lambda change: self._read(change["new"], retrace), "text")

    def _read(self, text: str, retrace: Callable[[str], dict[str, Any]]) -> None:
        """Trace the reader's text, or say why not; the chosen token is then the last."""
        try:
            data = retrace(text)
        except (ValueError, KeyError, RuntimeError) as error:
            self.problem = f"This text was not traced: {error}"
            return
        with self.hold_sync():
            self.problem = ""
            self.token = 0
            self.data = data
            self.token = len(data["tokens"]) - 1

    def state(self) -> dict[str, Any]:
        """As ``InteractiveFigure.state``, but not live: nobody traces anything on a page."""
        return {**super().state(), "live": False}

    @traitlets.validate("data")
    def _check_data(self, proposal: Any) -> dict[str, Any]:
        if missing := [key for key in _KEYS if key not in proposal.value]:
            raise traitlets.TraitError(f"data must have {', '.join(_KEYS)}; {', '.join(missing)} is missing.")
        return _checked(proposal.value)

    @traitlets.validate("token", "layer", "head")
    def _check_choice(self, proposal: Any) -> int:
        name = proposal.trait.name
        counts = {"token": len(self.data["tokens"]), "layer": self.data["layers"], "head": max(1, self.data["heads"])}
        if not 0 <= proposal.value < counts[name]:
            rule = f"between 0 and {counts[name] - 1}, as there are {name}s"
            raise traitlets.TraitError(f"{name} must be {rule}, not {proposal.value!r}.")
        return int(proposal.value)

    @traitlets.validate("measure")
    def _check_measure(self, proposal: Any) -> str:
        return one_of("measure", proposal.value, MEASURES)

    @traitlets.validate("stage")
    def _check_stage(self, proposal: Any) -> str:
        return one_of("stage", proposal.value, STAGES)

    def weights(self) -> Any:
        """The attention of the chosen head, ``[T, T]``, as it is stored; ``None`` where the layer has none."""
        size, packed = len(self.data["tokens"]), self.data["attention"][self.layer]
        if not packed:
            return None
        table = np.frombuffer(base64.b64decode(packed), np.uint8).reshape(self.data["heads"], size, size)
        return table[self.head] / 255

    def still(self) -> str:
        """The attention of the chosen head and the predictions at the chosen token, as SVG with the page's colors."""
        weights, tokens = self.weights(), self.data["tokens"]
        with rc_context():
            use_style()
            figure = Figure(figsize=(7.2, 3.6))
            left, right = figure.subplots(1, 2)
            if weights is None and not self.data["norms"]:
                left.set_axis_off()
            elif weights is None:
                left.plot(range(-1, self.data["layers"]), [row[self.token] for row in self.data["norms"]])
                left.set(xlabel="after layer", ylabel="length of the stream", yscale="log")
            else:
                draw_weights(left, weights, tokens)
                left.set_title(f"Layer {self.layer}, head {self.head}")
            likely = self.data["next"][self.token] if self.data["next"] else []
            right.barh(range(len(likely)), [chance for _, chance in likely], height=0.62, color=SERIES[0])
            right.set_yticks(range(len(likely)), [shown(self.data["words"][word]) for word, _ in likely])
            right.set(xlabel="probability", ylim=(max(0.5, len(likely) - 0.5), -0.5))
            right.set_title(f"{'After' if self.data['causal'] else 'For'} “{shown(tokens[self.token])}”")
            return svg(figure)


def explorer(
    model: Any,
    tokenizer: Any,
    text: str,
    *,
    source: str | None = None,
    layer: int | None = None,
    head: int = 0,
    token: int | None = None,
    stage: str = "attention",
) -> Explorer:
    """An explorer of ``model`` reading ``text``, at the last token and the middle layer unless others are named.

    Args:
        model: any model of ``glassformer.models``, compiled or not.
        tokenizer: with ``encode(text) -> ids`` and ``decode(ids) -> text``.
        text: at most 32 tokens; what the decoder reads, in an encoder-decoder.
        source: what the encoder of an encoder-decoder reads.
        layer, head, token: what is chosen at first.
        stage: what is open at first: tokens, embeddings, attention, stream, feedforward or logits.

    In a live cell a new text is traced with the same model. Raises ``ValueError`` for a text of no or too many tokens.
    Taught in ``transformers``, section 7.
    """

    retrace = retracing(model, tokenizer, source)
    return explorer_of(retrace(text), text, layer=layer, head=head, token=token, stage=stage, retrace=retrace)


def retracing(model: Any, tokenizer: Any, source: str | None = None) -> Callable[[str], dict[str, Any]]:
    """What traces a text for the figure, and refuses one of no or too many tokens."""

    def retrace(text: str) -> dict[str, Any]:
        if not text:
            raise ValueError("text must not be empty.")
        if len(ids := tokenizer.encode(text)) > MOST:
            raise ValueError(f"text must have at most {MOST} tokens here, and it has {len(ids)}.")
        return pass_of(model, trace(model, text, tokenizer=tokenizer, source=source))

    return retrace


def explorer_of(
    data: dict[str, Any],
    text: str,
    *,
    layer: int | None = None,
    head: int = 0,
    token: int | None = None,
    stage: str = "attention",
    retrace: Callable[[str], dict[str, Any]] | None = None,
) -> Explorer:
    """An explorer of a pass as ``pass_of`` gives it; ``retrace`` makes it live."""
    middle = data["layers"] // 2 if layer is None else layer
    last = len(data["tokens"]) - 1 if token is None else token
    return Explorer(data=data, text=text, stage=stage, layer=middle, head=head, token=last, retrace=retrace)


def pass_of(model: Any, found: Trace) -> dict[str, Any]:
    """What the figure stores of a pass.

    Keys: ``tokens``; ``layers`` N and ``heads`` H; ``causal``, whether no token reads from a later one; ``attention``,
    for each layer the weights ``[H, T, T]`` in steps of 1/255 as base64, or an empty text where it has none; ``norms``
    ``[N + 1][T]`` to 4 digits, empty without a residual stream; ``words``, the strings of all predictions; ``lens``
    ``[N + 1][T]`` and ``next`` ``[T][8]``, each a place in ``words`` with a probability to 3 digits. The last two are
    empty for a model that predicts no tokens. Beside them stands what ``details`` gives.
    """
    attention, heads = [], 0
    for layer in range(found.layers()):
        try:
            weights = found.attention(layer).float()
        except ValueError:
            attention.append("")
            continue
        heads = weights.shape[0]
        attention.append(base64.b64encode((weights * 255).round().to(torch.uint8).cpu().numpy().tobytes()).decode())
    words: dict[str, int] = {}

    def word(pair: tuple[str, float]) -> list[Any]:
        return [words.setdefault(pair[0], len(words)), float(f"{pair[1]:.3g}")]

    through: list[list[list[Any]]] = []
    likely: list[list[list[Any]]] = []
    norms = _norms(found)
    if found.predicts and norms:
        through = [[] for _ in range(found.layers() + 1)]
        for start in range(0, len(found.tokens), 8):  # a few at a time: all logits of all layers may be 200 MB
            some = range(start, min(start + 8, len(found.tokens)))
            for row, top in zip(through, top_tokens(lens(model, found, some), found.decode), strict=True):
                row += [word(best[0]) for best in top]
    if found.predicts:
        likely = [[word(pair) for pair in found.likely(NEXT, token)] for token in range(len(found.tokens))]
    return {
        "tokens": found.tokens,
        "layers": found.layers(),
        "heads": heads,
        "causal": found.causal,
        "attention": attention,
        "norms": norms,
        "words": list(words),
        "lens": through,
        "next": likely,
        **details(found),
    }


def _norms(found: Trace) -> list[list[float]]:
    """The lengths of the stream to 4 digits; empty for a model whose layers have none, as recurrent ones."""
    try:
        return [[float(f"{x:.4g}") for x in row] for row in found.norms().tolist()]
    except ValueError:
        return []


def details(found: Trace) -> dict[str, Any]:
    """The part of a pass that the trace alone gives, without the model.

    Keys: ``ids`` ``[T]``; ``embedded``, the embedded vectors in 8 bits: ``steps`` as base64, and ``low`` and ``scale``
    for each token; ``hidden``, for each layer the 8 neurons of each token that are farthest from 0, as base64 of pairs
    of a place (16 bits) and a value (float16), or an empty text; ``width``, how many neurons there are; ``tensors``,
    every tensor once, with the layers that have it; ``roles``, what ``tensors.entry`` says of each kind.
    """
    hidden = [_largest(found, layer) for layer in range(found.layers())]
    tensors = _tensors(found)
    return {
        "ids": found.ids[0].tolist(),
        "embedded": _in_bytes(found.stream(-1).float()),
        "hidden": [packed for packed, _ in hidden],
        "width": max((width for _, width in hidden), default=0),
        "tensors": tensors,
        "roles": {name: entry(name) for name in sorted({tensor["role"] for tensor in tensors})},
    }


def _in_bytes(rows: torch.Tensor) -> dict[str, Any]:
    """Rows in 8 bits, each with its own scale: an entry is ``low + step · scale``."""
    low, high = rows.aminmax(dim=-1, keepdim=True)
    scale = (high - low) / 255
    steps = ((rows - low) / scale.clamp_min(1e-30)).round().to(torch.uint8).cpu().numpy()
    columns = {"low": low, "scale": scale}
    rounded = {name: [float(f"{x:.5g}") for x in column[:, 0].tolist()] for name, column in columns.items()}
    return {"steps": base64.b64encode(steps.tobytes()).decode(), **rounded}


def _largest(found: Trace, layer: int) -> tuple[str, int]:
    """The largest hidden neurons of each token in a layer, packed, and how many neurons it has; ``("", 0)`` if none."""
    name = rf"stack\.{layer}\.(?!cross\.)(?!.*experts\.).*hidden"
    records = [r for n, r in found.items() if re.fullmatch(name, n) and role(r) == "hidden" and r.kept is not None]
    if not records or records[-1].value.ndim != 3:
        return "", 0
    values = records[-1].value[0].float().cpu()
    at = values.abs().topk(min(NEURONS, values.shape[-1])).indices
    pairs = np.zeros((*at.shape, 2), "<u2")
    pairs[..., 0] = at.numpy()
    pairs[..., 1] = values.gather(1, at).clamp(-65504, 65504).numpy().astype("<f2").view("<u2")
    return base64.b64encode(pairs.tobytes()).decode(), values.shape[-1]


def _tensors(found: Trace) -> list[dict[str, Any]]:
    """Every tensor of the trace in the order of the flow; those that only differ by their layer stand once."""
    ids = Record("ids", "B T", 5, tuple(found.ids.shape))
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for record in [ids, *found.values()]:
        if record.section == 0:  # the output of a module that is no tap
            continue
        layer = re.search(r"\bstack\.(\d+)\.", record.name)
        name = re.sub(r"\bstack\.\d+\.", "", record.name)
        row = rows.setdefault(
            (name, record.shape, record.size),
            {
                "name": title(name),
                "role": role(record),
                "shape": record.shape,
                "size": list(record.size),
                "section": record.section,
                "layers": [],
            },
        )
        if layer:
            row["layers"].append(int(layer[1]))
    return list(rows.values())


def _checked(data: Mapping[str, Any]) -> dict[str, Any]:
    """``data`` if its sizes fit to each other, or a ``TraitError`` that names what does not."""
    tokens, layers, heads = len(data["tokens"]), data["layers"], data["heads"]

    def must(fits: bool, rule: str) -> None:
        if not fits:
            raise traitlets.TraitError(f"data must have {rule}.")

    must(tokens > 0 and layers > 0, "at least one token and one layer")
    must(len(data["attention"]) == layers, f"attention for each of the {layers} layers")
    whole = heads * tokens * tokens
    packed = {len(base64.b64decode(text)) for text in data["attention"]} - {0}
    must(packed <= {whole}, f"attention of {whole} bytes a layer, as {heads} heads and {tokens} tokens are")
    rows = {"norms": [0, layers + 1], "lens": [0, layers + 1]}
    for name, counts in rows.items():
        fits = len(data[name]) in counts and all(len(row) == tokens for row in data[name])
        must(fits, f"{name} of {layers + 1} rows and {tokens} columns")
    must(len(data["next"]) in (0, tokens), f"next for each of the {tokens} tokens")
    pairs: Sequence[Any] = [pair for row in [*data["lens"], *data["next"]] for pair in row]
    must(all(0 <= word < len(data["words"]) for word, _ in pairs), "every word of lens and next among its words")
    return dict(data)
