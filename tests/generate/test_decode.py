"""The decoding loop: the numbers of the uncached model, whatever the prompt, the chunks and the padding."""

import pytest
import torch
from torch import Tensor

from glassformer.generate.decode import collect, complete, generate, pad_left
from glassformer.generate.sampling import Sampling
from tests.generate.tiny import KINDS, last, make, numbers, row, slow_greedy, source


@pytest.mark.parametrize("chunk", [None, 1, 4, 7, 100])
@pytest.mark.parametrize("prompt", [1, 5, 11])
@pytest.mark.parametrize("kind", KINDS)
def test_greedy_is_the_uncached_model_in_any_chunks(kind: str, prompt: int, chunk: int | None) -> None:
    model = make(kind)
    ids, memory = numbers(3, prompt), source(model, 3)
    assert torch.equal(
        complete(model, ids, max_new=17, memory=memory, chunk=chunk), slow_greedy(model, ids, memory, 17)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_the_uncached_model(kind: str) -> None:
    """Every step's, to 1e-5 of the largest: other orders of the same float32 sums.

    Mamba in float64, to 1e-10: with such wild weights its state amplifies the rounding of float32 to 1.3e-5.
    """
    model, seen, bound = make(kind), [], 1e-5
    if kind == "mamba":
        model, bound = model.double(), 1e-10
    ids, memory = numbers(3, 5), source(model, 3)
    state = model.new_state(3, 40)

    class Watching(Sampling):
        def choose(self, logits_BV: Tensor, *rest: object) -> Tensor:
            seen.append(logits_BV)
            return logits_BV.argmin(-1)  # the least likely token, so that the texts are wild

    text = torch.cat(
        (ids, complete(model, ids, max_new=13, memory=memory, sampling=Watching(), state=state, chunk=3)), 1
    )
    assert len(seen) == 13
    for count, ours in enumerate(seen):
        theirs = last(model, text[:, : 5 + count], memory)
        assert float((ours - theirs).abs().max()) <= bound * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_prompts_of_different_lengths(kind: str, chunk: int | None) -> None:
    """A padded row gives what it gives alone, with a repetition penalty too: pads are neither seen nor counted."""
    model = make(kind)
    rows = [[1, 2, 3, 4, 5, 6, 7], [8], [9, 10, 9], [0, 0, 11, 3]]
    ids, mask = pad_left(rows, pad=12)
    assert ids.tolist()[1] == [12] * 6 + [8] and mask.tolist()[2] == [False] * 4 + [True] * 3
    memory = source(model, 4)
    for sampling in (Sampling(temperature=0), Sampling(temperature=0, repetition_penalty=1.7)):
        together = complete(model, ids, mask=mask, max_new=9, memory=memory, sampling=sampling, chunk=chunk)
        for number, prompt in enumerate(rows):
            alone = complete(model, torch.tensor([prompt]), max_new=9, memory=row(memory, number), sampling=sampling)
            assert torch.equal(together[number], alone[0]), (number, sampling)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_goes_on_where_it_ended(kind: str) -> None:
    model = make(kind)
    ids, memory = numbers(2, 5), source(model, 2)
    state = model.new_state(2, 40)
    first = complete(model, ids, max_new=4, memory=memory, state=state)
    more = torch.cat((first[:, -1:], numbers(2, 3, seed=8)), 1)  # the last token was yielded, not read
    second = complete(model, more, max_new=5, memory=memory, state=state)
    whole = torch.cat((ids, first, more[:, 1:]), 1)
    assert torch.equal(second, complete(model, whole, max_new=5, memory=memory))


def test_rows_end_at_a_stop_token_and_are_padded() -> None:
    model, ids = make("gpt2"), numbers(5, 4)
    free = complete(model, ids, max_new=20)
    stops = [int(free[0, 3]), int(free[2, 6])]
    ended = complete(model, ids, max_new=20, stop_ids=stops, pad=11)
    lengths = []
    for whole, cut in zip(free.tolist(), ended.tolist(), strict=True):
        length = next((i + 1 for i, token in enumerate(whole) if token in stops), 20)
        assert cut == (whole[:length] + [11] * 20)[: len(cut)]
        lengths.append(length)
    assert ended.shape[1] == max(lengths) and len(set(lengths)) > 1  # it ends with the last row, not later
    by_default = complete(model, ids, max_new=20, stop_ids=stops)
    assert torch.equal(by_default, torch.where(ended == 11, stops[0], ended))


def test_tokens_come_as_they_are_made() -> None:
    model, calls = make("gpt2"), []
    model.embed.register_forward_hook(lambda module, inputs, output: calls.append(inputs[0].shape[1]))
    columns = generate(model, numbers(2, 7), max_new=3)
    assert calls == []
    next(columns)
    assert calls == [7]
    next(columns)
    assert calls == [7, 1]
    assert not torch.is_inference_mode_enabled()  # between two tokens the caller's mode holds
    next(columns)
    assert next(columns, None) is None and calls == [7, 1, 1]  # the last token is not read


def test_the_head_runs_for_one_token_of_the_prompt() -> None:
    model, rows = make("llama"), []
    model.head.register_forward_hook(lambda module, inputs, output: rows.append(inputs[0].shape[1]))
    complete(model, numbers(2, 9), max_new=4)
    assert rows == [1] * 4


@pytest.mark.parametrize("kind", ["llama", "encoder-decoder"])
def test_a_step_stands_in_for_the_model(kind: str) -> None:
    """A step with a fixed span, as a compiled one has it."""
    model, steps = make(kind), []
    ids, memory = numbers(2, 5), source(model, 2)

    def step(ids: Tensor, **rest: object) -> Tensor:
        steps.append(ids.shape)
        logits: Tensor = model(ids, **rest)
        return logits

    state = model.new_state(2, 40)
    state.span = 33
    told = complete(model, ids, max_new=9, memory=memory, state=state, step=step)
    assert steps == [(2, 1)] * 8
    assert torch.equal(told, slow_greedy(model, ids, memory, 9))


def test_one_may_train_on_the_new_tokens() -> None:
    model = make("gpt2")
    model(complete(model, numbers(2, 3), max_new=5)).sum().backward()
    assert model.embed.weight.grad is not None


def test_sampling_can_be_repeated() -> None:
    model, ids = make("llama"), numbers(4, 3)

    def run(seed: int) -> Tensor:
        return complete(model, ids, max_new=12, sampling=Sampling(1.5), generator=torch.Generator().manual_seed(seed))

    assert torch.equal(run(1), run(1)) and not torch.equal(run(1), run(2))


def test_collect() -> None:
    assert collect(iter([torch.tensor([1, 2]), torch.tensor([3, 4])])).tolist() == [[1, 3], [2, 4]]


def bad(match: str, **changes: object) -> None:
    model = changes.pop("model", None) or make("gpt2")
    arguments: dict[str, object] = {"ids": numbers(2, 4), "max_new": 3} | changes
    with pytest.raises(ValueError, match=match):
        next(generate(model, arguments.pop("ids"), **arguments))  # type: ignore[arg-type]


def test_bad_input_is_refused_in_one_sentence() -> None:
    bad(
        r"^ids must be \[batch, tokens\] with at least one token to go on from, but the shape is \[2, 0\]\.$",
        ids=numbers(2, 0),
    )
    bad(r"^ids must be \[batch, tokens\] .* shape is \[4\]\.$", ids=numbers(2, 4)[0])
    bad(r"^ids must lie in the vocabulary, 0 to 12, but 13 is among them\.$", ids=torch.tensor([[4, 13]]))
    bad(r"^ids must lie in the vocabulary, 0 to 12, but -1 is among them\.$", ids=torch.tensor([[-1]]))
    bad(r"^max_new must be at least 1, not 0\.$", max_new=0)
    bad(r"^max_new must be at least 1, not -2\.$", max_new=-2)
    bad(r"^max_new \(58\) and the 4 tokens before it must fit into the model's 61 positions\.$", max_new=58)
    bad(r"^chunk must be at least 1, not 0\.$", chunk=0)
    bad(r"^stop_ids must lie in the vocabulary, 0 to 12, not 13\.$", stop_ids=(3, 13))
    bad(r"^pad must lie in the vocabulary, 0 to 12, not -100\.$", pad=-100)
    bad(r"^mask must have the shape of ids, \[2, 4\], not \[2, 3\]\.$", mask=torch.ones(2, 3))
    right = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    bad(r"^mask must be true at the last token .* row 1 ends in a pad\.$", mask=right)
    model = make("gpt2")
    bad(r"^state must have a row for each of ids' 2, not 3\.$", model=model, state=model.new_state(3, 9))
    bad(r"^max_new \(3\) and the 4 tokens .* max_len \(5\)\.$", model=model, state=model.new_state(2, 5))
    translator = make("encoder-decoder")
    bad(r"^memory must have a row for each of ids' 2, not 3\.$", model=translator, memory=source(translator, 3))
    with pytest.raises(ValueError, match=r"^rows must have at least one token each, but row 1 has 0\.$"):
        pad_left([[1], []])


def test_the_last_position_can_be_used() -> None:
    model = make("gpt2")
    assert complete(model, numbers(1, 4), max_new=57).shape == (1, 57)
    state = model.new_state(1, 6)  # 4 + 3 tokens, of which the last is not read
    assert complete(model, numbers(1, 4), max_new=3, state=state).shape == (1, 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_damaged_weights_are_reported(value: float) -> None:
    model = make("gpt2")
    with torch.no_grad():
        model.stack[1].feedforward.part.down.bias[3] = value
    bad(
        r"^logits must be numbers, but at step 1 row 0 has the largest logit nan: the weights may be damaged\.$",
        model=model,
    )
    late = make("llama")
    token = int(complete(late, numbers(1, 4), max_new=3)[0, 1])
    assert token not in numbers(1, 4)[0].tolist()
    with torch.no_grad():
        late.embed.weight[token] = value  # the trouble begins when the second new token is read
    with pytest.raises(ValueError, match=r"^logits must be numbers, but at step 3 row 0"):
        complete(late, numbers(1, 4), max_new=3)
