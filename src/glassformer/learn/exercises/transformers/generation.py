"""Exercises of the page on generation: cutting the tail, speculative decoding, and text in to text out."""

import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Number, Option, Quiz, Words
from glassformer.learn.exercises.draw import normal

if TYPE_CHECKING:
    from torch import Tensor

_PAGE: Final = "transformers/12-generation"


def _tail(rng: random.Random) -> "tuple[Tensor, float]":
    """Probabilities of 11 tokens in no order, and a share that is reached inside a token."""
    (logits,) = normal(rng, (11,))
    return (1.3 * logits).softmax(0), rng.uniform(0.4, 0.9)


def _nucleus(probabilities: Any, p: float, *, closed: bool = True, unsort: bool = True, normalize: bool = True) -> Any:
    """The nucleus; each keyword makes a mistake."""
    ordered, order = probabilities.sort(descending=True)
    before = ordered.cumsum(0) - (ordered if closed else 0)
    kept = ordered * (before < p)
    if normalize:
        kept = kept / kept.sum()
    return kept.new_zeros(kept.shape).scatter(0, order, kept) if unsort else kept


def _ascending(probabilities: Any, p: float) -> Any:
    ordered, order = probabilities.sort()
    kept = ordered * (ordered.cumsum(0) - ordered < p)
    return kept.new_zeros(kept.shape).scatter(0, order, kept / kept.sum())


top_p = Code(
    id="generation.top-p",
    teaches=f"{_PAGE}#cutting-the-tail",
    function="top_p",
    reference=_nucleus,
    inputs=_tail,
    mistakes={
        "The token that crosses the threshold is dropped. It belongs to the nucleus: look at the sum before it.": (
            lambda probabilities, p: _nucleus(probabilities, p, closed=False)
        ),
        "The sorted order is not undone: put each probability back to its token's place.": (
            lambda probabilities, p: _nucleus(probabilities, p, unsort=False)
        ),
        "What is left is not renormalized: divide by its sum, so that it is a distribution again.": (
            lambda probabilities, p: _nucleus(probabilities, p, normalize=False)
        ),
        "You began with the least likely tokens: sort from large to small.": _ascending,
        "That keeps tokens that have the probability p alone. The sum of the most likely ones must reach p.": (
            lambda probabilities, p: probabilities * (probabilities >= p) / (probabilities * (probabilities >= p)).sum()
        ),
        "That is min-p: it compares with the most likely token. Top-p adds up.": (
            lambda probabilities, p: _share(probabilities, probabilities >= p * probabilities.max())
        ),
        "The tokens were added up in the order of their ids. Sort them first.": (
            lambda probabilities, p: _share(probabilities, probabilities.cumsum(0) - probabilities < p)
        ),
        "Softmax was applied to probabilities. They are a distribution already: divide by the sum.": (
            lambda probabilities, p: (
                _nucleus(probabilities, p, normalize=False).log().exp().masked_fill(
                    _nucleus(probabilities, p) == 0, float("-inf")).softmax(0)
            )
        ),
        "The tail was kept and the nucleus dropped.": (
            lambda probabilities, p: _share(probabilities, _nucleus(probabilities, p) == 0)
        ),
    },
    given=("torch",),
    axes=("token",),
)  # fmt: skip


def _share(probabilities: Any, keep: Any) -> Any:
    kept = probabilities * keep
    return kept / kept.sum()


def _guesses(rng: random.Random) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
    """Thirteen rows: a guess drawn from q, the model's p and the draft's q over 7 tokens, and a uniform number."""
    import torch

    p, q = (logits.softmax(1) for logits in normal(rng, (13, 7), (13, 7)))
    generator = torch.Generator().manual_seed(rng.randrange(2**31))
    guess = torch.multinomial(q, 1, generator=generator)[:, 0]
    return guess, p, q, torch.rand(13, generator=generator, dtype=torch.float64)


def _judge(guess: Any, p: Any, q: Any, u: Any, *, accepted: Any = None, rest: Any = None, stands: Any = None) -> Any:
    """The distribution of each row's token; the keywords make the mistakes."""
    import torch

    at = guess[:, None]
    p_x, q_x = p.gather(1, at)[:, 0], q.gather(1, at)[:, 0]
    taken = u < p_x / q_x if accepted is None else accepted(p_x, q_x)
    if rest is None:
        rest = (p - q).clamp(min=0)
        rest = rest / rest.sum(1, keepdim=True)
    return torch.where(taken[:, None], torch.zeros_like(p).scatter(1, at, 1.0) if stands is None else stands, rest)


def _normal(weights: Any) -> Any:
    return weights / weights.sum(1, keepdim=True)


speculative = Code(
    id="generation.speculative-step",
    teaches=f"{_PAGE}#speculative-decoding",
    function="judge",
    reference=_judge,
    inputs=_guesses,
    mistakes={
        "What is missing is not renormalized: max(0, p − q) must be divided by its sum.": (
            lambda guess, p, q, u: _judge(guess, p, q, u, rest=(p - q).clamp(min=0))
        ),
        "After a rejection you draw from p. That gives tokens that the draft likes twice: draw from what q lacks.": (
            lambda guess, p, q, u: _judge(guess, p, q, u, rest=p)
        ),
        "The rest is the wrong way round: what the model has and the draft lacks is p − q.": (
            lambda guess, p, q, u: _judge(guess, p, q, u, rest=_normal((q - p).clamp(min=0)))
        ),
        "After a rejection the size of the difference was taken. Only where p is larger than q is something missing.": (
            lambda guess, p, q, u: _judge(guess, p, q, u, rest=_normal((p - q).abs()))
        ),
        "The ratio is upside down: a guess is accepted with probability min(1, p/q).": (
            lambda guess, p, q, u: _judge(guess, p, q, u, accepted=lambda p_x, q_x: u < q_x / p_x)
        ),
        "Every guess with p below q is rejected. It must be accepted in a share p/q of the cases: compare with u.": (
            lambda guess, p, q, u: _judge(guess, p, q, u, accepted=lambda p_x, q_x: p_x >= q_x)
        ),
        "The guess is accepted with probability p. The draft proposed it with probability q: divide by that.": (
            lambda guess, p, q, u: _judge(guess, p, q, u, accepted=lambda p_x, q_x: u < p_x)
        ),
        "Accepted and rejected are swapped: accept where u is below the ratio.": (
            lambda guess, p, q, u: _judge(guess, p, q, u, accepted=lambda p_x, q_x: u >= p_x / q_x)
        ),
        "Where the guess stands, the token is certain: 1 at the guess and 0 elsewhere, not p.": (
            lambda guess, p, q, u: _judge(guess, p, q, u, stands=p)
        ),
        "After a rejection the draft is asked again. The token must come from what the draft lacks.": (
            lambda guess, p, q, u: _judge(guess, p, q, u, rest=q)
        ),
    },
    given=("torch",),
    axes=("row", "token"),
)

nucleus_by_hand = Number(
    id="generation.nucleus-by-hand",
    teaches=f"{_PAGE}#cutting-the-tail",
    answer=0.5,
    tolerance=0.005,
    mistakes={
        "That is before the cut. What is left must be divided by its sum.": 0.40,
        "The token that crosses the threshold stays: 0.40 + 0.25 does not reach 0.7.": 0.40 / 0.65,
        "That is the kept mass. Divide the first probability by it.": 0.80,
        "A fourth token was kept. Three reach 0.7.": 0.40 / 0.92,
        "You divided by p. Divide by the mass that is really kept.": 0.40 / 0.7,
    },
)

tokens_a_call = Number(
    id="generation.tokens-a-call",
    teaches=f"{_PAGE}#speculative-decoding",
    answer=(1 - 0.8**5) / 0.2,
    tolerance=0.02,
    mistakes={
        "That is 4 · 0.8. After a rejection the later guesses are lost, and the model always adds one token.": 3.2,
        "The model's own token is missing: each call gives one more than the guesses that stand.": (0.8 - 0.8**5) / 0.2,
        "That is as if guesses after a rejection could still stand: 1 + 4 · 0.8.": 4.2,
        "That is the most that a call can give, when all four stand.": 5.0,
    },
)

order_of_filters = Quiz(
    id="generation.order-of-filters",
    teaches=f"{_PAGE}#the-order-of-the-filters",
    options=(
        Option(
            "Nothing: both keep the same tokens.",
            False,
            "Temperature leaves the order of the tokens alone, but not their probabilities, and top-p adds those up.",
        ),
        Option(
            "With temperature first, top-p keeps more tokens.",
            True,
            "Temperature 2 flattens the distribution, so that it takes more tokens to reach 0.9.",
        ),
        Option(
            "With temperature first, top-p keeps fewer tokens.",
            False,
            "That holds for a temperature below 1, which sharpens the distribution. At 2 it is flatter.",
        ),
        Option(
            "With top-p first, the dropped tokens come back.",
            False,
            "A dropped token has the logit −∞, and −∞ divided by 2 is still −∞.",
        ),
    ),
)

in_words = Words(
    id="generation.text-in-to-text-out",
    teaches=f"{_PAGE}#the-loop",
    model="The text is cut into tokens, and each token becomes a number, then a vector. The layers mix them, and "
    "the last vector is compared with every token of the vocabulary, which gives a score for each. Softmax turns the "
    "scores into probabilities. One token is chosen, the most likely one or one drawn by chance, and put at the end "
    "of the text. Then it all begins again with the longer text, until a token that means end is chosen.",
    points=(
        "The text is cut into tokens, and they become vectors.",
        "The model gives a score for every token of the vocabulary, and softmax makes probabilities of them.",
        "One token is chosen by a rule, with chance or without.",
        "The chosen token is added to the text, and the loop begins again.",
        "It ends with an end token or at a limit.",
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (
    in_words,
    top_p,
    nucleus_by_hand,
    order_of_filters,
    speculative,
    tokens_a_call,
)
