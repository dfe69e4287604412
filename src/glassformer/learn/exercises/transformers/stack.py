"""Exercises of the page on stack."""

import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Number, Option, Quiz, Words
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor

length = Number(
    id="stack.length",
    teaches="transformers/07-stack#the-stream-gets-longer",
    answer=969**0.5,
    tolerance=0.06,
    mistakes={
        "You added the lengths. That is right for vectors that point the same way; at right angles the "
        "squares add up.": (
            3 + 60 * 4
        ),
        "There are two parts in each of the thirty layers: 60 answers, not 30.": (9 + 30 * 16) ** 0.5,
        "The embedding is missing: its square, 9, belongs to the sum.": (60 * 16) ** 0.5,
        "That is the square of the length. Take the root.": 969,
        "That is with the lengths 3 and 4 under the root. Their squares add up.": (3 + 60 * 4) ** 0.5,
        "That is the length after one answer.": 5,
        "You added the embedding's length to the length of the rest. It is at right angles, too: 9 goes "
        "under the root.": (
            3 + (60 * 16) ** 0.5
        ),
    },
)  # fmt: skip


def _norm(x: Any) -> Any:
    from torch.nn.functional import layer_norm

    return layer_norm(x, x.shape[-1:])


def _draw(rng: random.Random) -> "tuple[Tensor, ...]":
    """Five tokens of 7 numbers, attention weights and a square matrix."""
    x, scores, w = normal(rng, (5, 7), (5, 5), (7, 7))
    return 2 * x + 1, scores.softmax(-1), w


def _block(x: Any, a: Any, w: Any, first: Any = _norm, second: Any = _norm) -> Any:
    x = x + a @ first(x)
    return x + (second(x) @ w).relu()


def _normalized(x: Any, a: Any, w: Any) -> Any:
    read = _norm(x)
    x = read + a @ read
    read = _norm(x)
    return read + (read @ w).relu()


def _post(x: Any, a: Any, w: Any) -> Any:
    x = _norm(x + a @ x)
    return _norm(x + (x @ w).relu())


def _same(x: Any) -> Any:
    return x


pre_norm_block = Code(
    id="stack.pre-norm-block",
    teaches="transformers/07-stack#where-the-norm-stands",
    function="block",
    reference=_block,
    inputs=_draw,
    mistakes={
        "The norm stands after each addition: that is post-norm. Here the parts read norm(x), and x "
        "stays as it is.": _post,
        "You add to norm(x) instead of x. The norm belongs into the branch; what you add to is the "
        "stream itself.": _normalized,
        "Both norms are missing: each part reads norm(x).": lambda x, a, w: _block(x, a, w, _same, _same),
        "The norm in front of the attention is missing.": lambda x, a, w: _block(x, a, w, first=_same),
        "The norm in front of the feed-forward network is missing.": lambda x, a, w: _block(x, a, w, second=_same),
        "Nothing is added around the attention: it is x + attention(…).": lambda x, a, w: (
            a @ _norm(x) + (_norm(a @ _norm(x)) @ w).relu()
        ),
        "Nothing is added around the feed-forward network: it is x + feedforward(…).": lambda x, a, w: (
            (_norm(x + a @ _norm(x)) @ w).relu()
        ),
        "Nothing is added at all: each part replaces the stream.": lambda x, a, w: (_norm(a @ _norm(x)) @ w).relu(),
        "Both parts read the first x: that is parallel. Here the second reads what the first has added "
        "to.": lambda x, a, w: (
            x + a @ _norm(x) + (_norm(x) @ w).relu()
        ),
        "The feed-forward network comes first. Attention does.": lambda x, a, w: (
            (y := x + (_norm(x) @ w).relu()) + a @ _norm(y)
        ),
        "The norm is around the answers: x + norm(part(x)). It belongs around what the part reads.": lambda x, a, w: (
            (y := x + _norm(a @ x)) + _norm((y @ w).relu())
        ),
        "The second addition is to the first x, so the answer of the attention is lost.": lambda x, a, w: (
            x + (_norm(x + a @ _norm(x)) @ w).relu()
        ),
        "The result is normalized once more at the end. That last norm stands after the whole stack, "
        "not in a block.": lambda x, a, w: (
            _norm(_block(x, a, w))
        ),
    },
    given=("torch",),
    axes=("token", "entry"),
)  # fmt: skip

stuck = Quiz(
    id="stack.stuck",
    teaches="transformers/07-stack#measured-with-and-without-warm-up",
    options=(
        Option(
            "A larger learning rate, so that it gets away from there.",
            False,
            "The steps at the start were too large already. On this page the larger rate is where post-norm got stuck.",
        ),
        Option(
            "Warm-up of the learning rate, or pre-norm.",
            True,
            "The gradient near the output does not shrink with depth in post-norm, so the first steps are too large. "
            "Warm-up makes them small, and pre-norm makes the gradient small.",
        ),
        Option(
            "More data: 24 layers have too many parameters for what there is.",
            False,
            "Too little data shows as a training loss that falls while the test loss rises. Here the training loss "
            "itself stands still.",
        ),
        Option(
            "Take out the residual connections: they let the layers do nothing.",
            False,
            "Without them the slope is a product of 48 factors, and vanishes. They are what lets 24 layers learn.",
        ),
    ),
)

lens = Quiz(
    id="stack.lens",
    teaches="transformers/07-stack#what-would-it-say-now-the-logit-lens",
    options=(
        Option(
            "Before layer 20 the model knows nothing about the answer.",
            False,
            "The lens shows what the head can read. The same knowledge may lie in directions that it cannot read yet.",
        ),
        Option(
            "Before layer 20 the head cannot read the answer in the stream of the last token.",
            True,
            "That is what was measured, and no more. Whether it lies there in another form needs another experiment.",
        ),
        Option(
            "The first twenty layers are not needed for the answer.",
            False,
            "Leave out the first or the second layer, and the answer is gone. What they write is read by later layers.",
        ),
        Option(
            "The answer is made by the last layer alone.",
            False,
            "It rises from rank 3,000 to rank 7 before the last layer, which adds to what is there.",
        ),
    ),
)

replaced = Words(
    id="stack.factory",
    teaches="transformers/07-stack#the-last-stream-is-a-sum",
    model="No station replaces the product. Each reads the vector and adds its own answer, so the last vector is the "
    "embedding plus all answers. That is why one can ask for the share of each, read the vector half-way with the "
    "head, leave out a layer, and why a slope can go from the top to the bottom without being multiplied away.",
    points=(
        "Each layer reads the stream and adds to it, it does not replace it.",
        "The last stream is the sum of the embedding and all answers.",
        "One thing that follows: the lens, leaving out a layer, the share of a part, or a slope that does not vanish.",
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (replaced, length, lens, pre_norm_block, stuck)
