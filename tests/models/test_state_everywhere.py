"""A state changes no number: in chunks, from other beams, back again, with pads. For a model of every kind.

Axes: 97 tokens in the vocabulary, 3 rows, 13 tokens, 7 in the source, room for 23; the models' own are at ``MAKERS``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from glassformer.models.bart import Bart, BartConfig
from glassformer.models.encoder_decoder import EncoderDecoder
from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.models.mamba import Mamba, MambaConfig
from glassformer.models.mistral import Mistral, MistralConfig
from glassformer.models.rnn import RecurrentConfig, RecurrentLM
from glassformer.models.seq2seq import BahdanauSeq2Seq, LuongSeq2Seq, Seq2Seq, Seq2SeqConfig
from glassformer.models.t5 import T5, T5Config
from glassformer.parts.recurrent import GRUCell, LSTMCell, RNNCell
from glassformer.parts.state import State
from glassformer.parts.step import Memory
from tests.models.parity import spread

VOCAB, ROWS, TOKENS, SOURCE, ROOM = 97, 3, 13, 7, 23
SIZES = {"vocab": VOCAB, "layers": 2}

# Heads divide the width where they must. The window and the farthest distance are narrower than the text.
MAKERS: dict[str, Callable[[], Any]] = {
    "gpt2": lambda: GPT2(GPTConfig(**SIZES, max_positions=61, d_model=22, heads=2, d_ff=29)),
    "llama": lambda: Llama(LlamaConfig(**SIZES, d_model=23, heads=10, kv_heads=2, d_k=14, d_ff=31)),
    "mistral": lambda: Mistral(MistralConfig(**SIZES, d_model=19, heads=10, kv_heads=2, d_k=14, d_ff=37, window=5)),
    "t5": lambda: T5(
        T5Config(**SIZES, encoder_layers=1, d_model=19, heads=2, d_k=11, d_ff=29, buckets=6, max_distance=5)
    ),
    "bart": lambda: Bart(
        BartConfig(
            **SIZES, max_positions=61, d_model=22, encoder_layers=1, encoder_heads=11, heads=2, encoder_d_ff=31, d_ff=29
        )
    ),
    "mamba": lambda: Mamba(MambaConfig(**SIZES, d_model=19, d_inner=38, d_state=5, d_conv=4, dt_rank=11)),
    "rnn": lambda: RecurrentLM(RecurrentConfig(**SIZES, d_model=19, d_hidden=29, cell=RNNCell)),
    "lstm": lambda: RecurrentLM(RecurrentConfig(**SIZES, d_model=19, d_hidden=29)),
    "gru": lambda: RecurrentLM(RecurrentConfig(**SIZES, d_model=19, d_hidden=29, cell=GRUCell)),
    "seq2seq": lambda: Seq2Seq(Seq2SeqConfig(VOCAB, d_model=19, d_hidden=29)),
    "bahdanau": lambda: BahdanauSeq2Seq(Seq2SeqConfig(VOCAB, d_model=19, d_hidden=29)),
    "luong": lambda: LuongSeq2Seq(Seq2SeqConfig(VOCAB, d_model=19, d_hidden=29, cell=LSTMCell)),
}
KINDS = list(MAKERS)
MADE: dict[str, Any] = {}

pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def _no_gradients() -> Any:
    with torch.no_grad():
        yield


def make(kind: str, dtype: torch.dtype = torch.float64) -> Any:
    """The model, with random numbers everywhere: at the published initialization all logits are near 0."""
    name = f"{kind} {dtype}"
    if name not in MADE:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            MADE[name] = MAKERS[kind]()
        spread(MADE[name], seed=1)
        MADE[name] = MADE[name].eval().to(dtype)
    return MADE[name]


def numbers(tokens: int, seed: int = 0) -> Tensor:
    return torch.randint(0, VOCAB, (ROWS, tokens), generator=torch.Generator().manual_seed(seed))


def sources(model: Any) -> dict[str, Memory]:
    """What an encoder-decoder needs: a memory with pads."""
    if not isinstance(model, EncoderDecoder):
        return {}
    real = torch.arange(SOURCE) < torch.tensor([7, 2, 5])[:, None]
    with torch.no_grad():
        return {"memory": model.encode(numbers(SOURCE, seed=9), real)}


def rows_of(memory: dict[str, Memory], rows: Tensor) -> dict[str, Memory]:
    """The memory of other rows: a beam takes its source along."""
    return {
        name: Memory(each.hidden[rows], None if each.real is None else each.real[rows]) for name, each in memory.items()
    }


def read(
    model: Any, ids: Tensor, state: State, chunks: Sequence[int], real: Tensor | None = None, **rest: Any
) -> Tensor:
    """The logits of ``ids``, read in chunks through the state."""
    assert sum(chunks) == ids.shape[1]
    masks = [None] * len(chunks) if real is None else real.split(list(chunks), 1)
    parts = zip(ids.split(list(chunks), 1), masks, strict=True)
    return torch.cat([model(part, mask=mask, state=state, **rest) for part, mask in parts], 1)


def near(ours: Tensor, theirs: Tensor) -> bool:
    """The same sums in another order: 1e-5 of the largest logit in float32, which has 7 digits; 1e-10 in float64."""
    bound = 1e-10 if theirs.dtype == torch.float64 else 1e-5
    return ours.shape == theirs.shape and bool((ours - theirs).abs().max() <= bound * max(1.0, theirs.abs().max()))


def left_pads(pads: Sequence[int], tokens: int = TOKENS) -> Tensor:
    return torch.arange(tokens) >= torch.tensor(pads)[:, None]


def test_this_can_fail(kind: str) -> None:
    """Other tokens before, another order of them, and another source each change a logit by far more than rounding."""
    model, ids = make(kind), numbers(TOKENS)
    memory = sources(model)
    whole = model(ids, **memory)
    other = ids.clone()
    other[:, 9] = (other[:, 9] + 1) % VOCAB
    assert ((model(other, **memory) - whole)[:, 12].abs().amax(-1) > 1e-3).all()
    swapped = ids.clone()
    swapped[:, [8, 9]] = ids[:, [9, 8]]
    assert ((model(swapped, **memory) - whole)[:, 12].abs().amax(-1) > 1e-3).all()
    if memory:
        turned = rows_of(memory, torch.tensor([1, 2, 0]))
        assert ((model(ids, **turned) - whole).abs().amax(-1) > 1e-3).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("chunks", [(5, 1, 7), (1,) * TOKENS, (TOKENS,)], ids=["chunks", "tokens", "at once"])
def test_in_chunks(kind: str, chunks: Sequence[int], dtype: torch.dtype) -> None:
    model, ids = make(kind, dtype), numbers(TOKENS)
    memory = sources(model)
    state = model.new_state(ROWS, ROOM)
    assert near(read(model, ids, state, chunks, **memory), model(ids, **memory))
    assert state.length == int(state.position) == TOKENS


@pytest.mark.parametrize("pads", [(0, 0, 0), (0, 2, 3)], ids=["no pads", "pads"])
def test_beams(kind: str, pads: Sequence[int]) -> None:
    """Rows that go on from other rows, twice; what is padded goes along."""
    model, ids, more, last = make(kind), numbers(5), numbers(7, seed=1), numbers(1, seed=2)
    memory, real = sources(model), left_pads(pads, 5) if any(pads) else None
    state = model.new_state(ROWS, ROOM)
    read(model, ids, state, (4, 1), real, **memory)
    before, first, second = state.snapshot(), torch.tensor([2, 2, 1]), torch.tensor([1, 2, 0])
    unmoved = read(model, more, state, (1, 6), **memory)
    state.restore(before)

    state.reorder(first)
    moved = read(model, more, state, (1, 6), **rows_of(memory, first))
    state.reorder(second)
    final = read(model, last, state, (1,), **rows_of(memory, first[second]))
    rows = first[second]
    text = torch.cat([ids[rows], more[second], last], 1)
    mask = None if real is None else torch.cat([real[rows], torch.ones(ROWS, 8, dtype=torch.bool)], 1)
    whole = model(text, mask=mask, **rows_of(memory, rows))
    assert near(moved[second], whole[:, 5:12])
    assert near(final, whole[:, 12:])
    assert not near(unmoved[0], moved[0])


def test_coming_back(kind: str) -> None:
    """As in speculative decoding: guesses are read and forgotten, back to a later and then to an earlier moment."""
    model, ids = make(kind), numbers(TOKENS)
    memory = sources(model)
    whole = model(ids, **memory)
    state = model.new_state(ROWS, ROOM)
    read(model, ids[:, :5], state, (5,), **memory)
    early = state.snapshot()
    read(model, ids[:, 5:8], state, (1, 2), **memory)
    late = state.snapshot()
    for moment, length, guess in ((late, 8, 4), (late, 8, 7), (early, 5, 11), (early, 5, 1)):
        read(model, numbers(guess, seed=guess), state, (guess,), **memory)
        state.restore(moment)
        assert state.length == int(state.position) == length
        kept = state.snapshot()
        rest = read(model, ids[:, length:], state, (1, TOKENS - length - 1), **memory)
        assert near(rest, whole[:, length:])
        state.restore(kept)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_left_padding(kind: str, dtype: torch.dtype) -> None:
    """Without a state and with one, also where a whole chunk of a row is pads: each row as if it were alone."""
    model, ids, pads = make(kind, dtype), numbers(TOKENS), (0, 2, 6)
    memory, real = sources(model), left_pads(pads)
    whole = model(ids, mask=real, **memory)
    through = read(model, ids, model.new_state(ROWS, ROOM), (5, 1, 7), real, **memory)
    assert whole.isfinite().all() and through.isfinite().all()
    for row, pad in enumerate(pads):
        just = torch.tensor([row])
        alone = model(ids[just, pad:], **rows_of(memory, just))[0]
        assert near(whole[row, pad:], alone), row
        assert near(through[row, pad:], alone), row


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=6).map(tuple),
    st.tuples(*[st.integers(0, 20)] * ROWS),
    st.lists(st.booleans(), min_size=6, max_size=6),
)
@settings(max_examples=25)
def test_any_cuts(kind: str, chunks: tuple[int, ...], pads: tuple[int, ...], guesses: list[bool]) -> None:
    """Any chunks, any pads on the left, and here and there a guess that is read and forgotten before the next chunk."""
    model, tokens = make(kind), sum(chunks)
    ids, memory = numbers(tokens), sources(model)
    real = left_pads([min(pad, tokens - 1) for pad in pads], tokens)
    state, parts = model.new_state(ROWS, tokens + 4), []
    with torch.no_grad():
        for part, mask, guess in zip(ids.split(list(chunks), 1), real.split(list(chunks), 1), guesses, strict=False):
            if guess:
                moment = state.snapshot()
                model(numbers(3, seed=5), state=state, **memory)
                state.restore(moment)
            parts.append(model(part, mask=mask, state=state, **memory))
        whole = model(ids, mask=real, **memory)
    assert near(torch.cat(parts, 1)[real], whole[real])
