"""Exercises of the page on pipeline."""

import random
from typing import Any, Final

from glassformer.learn.exercise import Code, Exercise, Number, Option, Quiz, Words

_PAGE: Final = "transformers/04-pipeline#"

order = Quiz(
    id="pipeline.order",
    teaches=f"{_PAGE}which-stages-lead-from-text-to-text",
    options=(
        Option(
            "The whole text: the feed-forward networks still read all tokens.",
            False,
            "They work on each token by itself. Nothing of another token ever comes in.",
        ),
        Option(
            "Only the last token, is.",
            True,
            "Attention is the only stage where tokens meet. Without it the last vector depends on the last token "
            "alone, and at most on its place.",
        ),
        Option(
            "The last two tokens, since each layer hands its vectors to the next.",
            False,
            "Layers hand on the vectors token by token. A vector stays in its own row.",
        ),
        Option(
            "Nothing: without attention the output is the same for every text.",
            False,
            "It still depends on the last token: its embedding goes through all the feed-forward networks.",
        ),
    ),
)

text_to_text = Words(
    id="pipeline.text-to-text",
    teaches=f"{_PAGE}text-in-text-out",
    model=(
        "The tokenizer cuts the letters into tokens and hands on their numbers. The embedding turns each number into a "
        "vector. Layer after layer, attention adds to each vector what it takes from the tokens before, and the "
        "feed-forward network adds what it makes of it. The head turns the last vector into a score for every token, "
        "softmax into probabilities. One token is chosen, appended, and everything begins again; in the end the "
        "numbers are turned back into letters."
    ),
    points=(
        "Text becomes token numbers, and these become vectors.",
        "Each layer adds the results of attention and of the feed-forward network to the vectors.",
        "The last vector becomes a probability for each token of the vocabulary.",
        "A token is chosen and appended, and the longer text goes in again.",
    ),
)

scores = Number(
    id="pipeline.scores",
    teaches=f"{_PAGE}what-shape-has-everything-in-a-block",
    answer=180_000,
    tolerance=0.5,
    mistakes={
        "The 3 heads that answer are shared: each of the 9 heads that ask has scores of its own.": 60_000,
        "Only one text is counted.": 90_000,
        "The tokens are counted once: each of 100 asks 100.": 1_800,
        "Tokens of one text do not ask those of another: B stands in front, it is not part of T and S.": 360_000,
        "The heads are missing.": 20_000,
    },
)

keys = Number(
    id="pipeline.keys",
    teaches=f"{_PAGE}what-shape-has-everything-in-a-block",
    answer=38_400,
    tolerance=0.5,
    mistakes={
        "Those are the queries: there are 9 heads that ask, and only 3 that answer.": 115_200,
        "Only one text is counted.": 19_200,
        "Those are keys and values together.": 76_800,
        "The heads that answer are missing: there are 3.": 12_800,
    },
)

key_matrix = Number(
    id="pipeline.key-matrix",
    teaches=f"{_PAGE}what-shape-has-everything-in-a-block",
    answer=110_592,
    tolerance=0.5,
    mistakes={
        "That is the matrix for the queries, with 9 heads.": 331_776,
        "That is one head alone.": 36_864,
        "That is keys and values together.": 221_184,
        "There is no bias.": 110_784,
    },
)

hidden = Number(
    id="pipeline.hidden",
    teaches=f"{_PAGE}what-shape-has-everything-in-a-block",
    answer=307_200,
    tolerance=0.5,
    mistakes={
        "Only one text is counted.": 153_600,
        "That is the stream, [B, T, D]. Inside, each token has F numbers.": 115_200,
        "After the gate the two inner tensors have become one.": 614_400,
    },
)


def _sizes(rng: random.Random) -> tuple[int, int, int, int, int, int, int, bool]:
    """Hyperparameters that are not multiples of each other."""
    group = rng.choice([2, 3])
    kv_heads = rng.choice([2, 5])
    return (
        rng.choice([101, 211]),
        rng.choice([23, 31]),
        rng.randint(2, 5),
        group * kv_heads,
        kv_heads,
        rng.choice([7, 13]),
        rng.choice([53, 61]),
        rng.random() < 0.5,
    )


def _count(
    vocab: Any, d_model: Any, layers: Any, heads: Any, kv_heads: Any, d_k: Any, d_ff: Any, tied: Any, **wrong: Any
) -> Any:
    attention = 2 * d_model * heads * d_k + 2 * d_model * wrong.get("answer_heads", kv_heads) * d_k
    layer = attention + wrong.get("matrices", 3) * d_model * d_ff + wrong.get("norms", 2) * d_model
    tables = wrong.get("tables", 1 if tied else 2) * vocab * d_model
    return tables + layers * layer + wrong.get("last", 1) * d_model


count = Code(
    id="pipeline.count",
    teaches=f"{_PAGE}how-many-parameters",
    function="count",
    reference=_count,
    inputs=_sizes,
    mistakes={
        "The tied head is counted twice: if tied, embedding and head are one tensor.": lambda *a: _count(*a, tables=2),
        "The head is missing where it is not tied: it is then a matrix of its own.": lambda *a: _count(*a, tables=1),
        "Keys and values have kv_heads heads, fewer than the queries.": lambda *a: _count(*a, answer_heads=a[3]),
        "The feed-forward network of a LLaMA has three matrices: the gate is the third.": (
            lambda *a: _count(*a, matrices=2)
        ),
        "The norms of the layers are missing: two in each.": lambda *a: _count(*a, norms=0),
        "Each layer has two norms, one before each part.": lambda *a: _count(*a, norms=1),
        "The last norm is missing: one more stands after the layers.": lambda *a: _count(*a, last=0),
    },
)

flops = Number(
    id="pipeline.flops",
    teaches=f"{_PAGE}how-many-operations",
    answer=220.48,
    tolerance=0.05,
    unit="million",
    mistakes={
        "The factor 2 is missing: a multiplication and an addition for each entry.": 110.24,
        "Attention is missing: scores and mixture over the 1,000 tokens.": 200.0,
        "The factor 2 of the matrices is missing.": 120.48,
        "Only the scores are counted. The mixture of the values costs as much.": 210.24,
        "Attention is counted in one layer. There are 10.": 202.048,
    },
)

memory = Number(
    id="pipeline.memory",
    teaches=f"{_PAGE}how-much-memory",
    answer=14.55,
    tolerance=0.02,
    unit="GB",
    mistakes={
        "The cache is missing.": 13.476,
        "Half of the cache: keys and values both count, with 2 bytes for each number.": 14.013,
        "That is GiB. A GB is 10⁹ bytes.": 13.551,
        "That is in gigabits: a byte has 8 bits.": 116.4,
        "That is float32, with 4 bytes for each number.": 29.1,
    },
)

EXERCISES: Final[tuple[Exercise, ...]] = (
    order,
    text_to_text,
    scores,
    keys,
    key_matrix,
    hidden,
    count,
    flops,
    memory,
)
