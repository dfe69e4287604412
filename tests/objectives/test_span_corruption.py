"""Span corruption: the published lengths, the text put together again, and the reference library's loss."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.models.t5 import T5v11, T5v11Config
from glassformer.objectives import seq2seq, span_corruption
from glassformer.objectives.span_corruption import corrupted, noise, raw_tokens, sizes, spans
from tests.objectives.adding import adds_up

SENTINELS = range(200, 100, -1)
EOS = 1


def together(source, target):
    """The text of which ``source`` and ``target`` were made."""
    parts, mark = {}, None
    for token in target[:-1]:
        if token in SENTINELS:
            mark, parts[token] = token, []
        else:
            parts[mark].append(token)
    return [piece for token in source[:-1] for piece in (parts[token] if token in SENTINELS else [token])]


def test_512_tokens_hold_568_of_text():
    """T5's own figures for 15 % and a mean of 3."""
    assert raw_tokens(512) == (568, 114)
    assert sizes(568) == (512, 114)


@given(st.integers(2, 300), st.floats(0.01, 0.9), st.floats(1, 70), st.integers(0, 10**6))
def test_the_text_can_be_put_together_again(tokens, share, mean, seed):
    chance = torch.Generator().manual_seed(seed)
    ids = torch.randint(2, 99, (tokens,), generator=chance).tolist()
    cut = spans(tokens, chance, share, mean)
    number = noise(tokens, share, mean)
    assert (sum(end - first for first, end in cut), len(cut)) == number
    assert cut[0][0] > 0 and cut[-1][1] == tokens and all(first < end for first, end in cut)
    if len(cut) > len(SENTINELS):
        with pytest.raises(ValueError, match="sentinels must be at least"):
            corrupted(ids, cut, SENTINELS, EOS)
        return
    source, target = corrupted(ids, cut, SENTINELS, EOS)
    assert (len(source), len(target)) == sizes(tokens, share, mean)
    assert together(source, target) == ids
    assert [token for token in source if token in SENTINELS] == list(SENTINELS[: len(cut)])


def test_an_example_by_hand():
    assert corrupted([10, 11, 12, 13, 14, 15], [(1, 3), (5, 6)], [90, 89], EOS) == (
        [10, 90, 13, 14, 89, EOS],
        [90, 11, 12, 89, 15, EOS],
    )


def test_a_last_sentinel_stands_for_the_text_after_the_last_span():
    """The reference's own example: The <0> walks in <1> park </s> and <0> cute dog <1> the <2> </s>."""
    the, cute, dog, walks, into, article, park = range(10, 17)
    assert corrupted([the, cute, dog, walks, into, article, park], [(1, 3), (5, 6)], [90, 89, 88], EOS) == (
        [the, 90, walks, into, 89, park, EOS],
        [90, cute, dog, 89, article, 88, EOS],
    )
    with pytest.raises(ValueError, match="sentinels must be at least 3, one for each span, not 2"):
        corrupted(range(7), [(1, 3), (5, 6)], [90, 89], EOS)


@pytest.mark.parametrize("mean", [3.0, 8.0])
def test_source_and_target_are_those_of_the_published_rule(mean):
    """The published rule, from its description: in the source the first token of each noisy stretch becomes a sentinel
    and the others go; the target is made in the same way of the rest. So each begins and ends as the mask does."""

    def stretches(ids, noisy):
        found, number = [], -1
        for place, token in enumerate(ids):
            if not noisy[place]:
                found.append(token)
            elif place == 0 or not noisy[place - 1]:
                number += 1
                found.append(SENTINELS[number])
        return found

    chance = torch.Generator().manual_seed(3)
    for _ in range(50):
        ids = torch.randint(2, 99, (83,), generator=chance).tolist()
        noisy = plainly(83, 0.15, mean, chance).tolist()
        edges = [place for place in range(83) if noisy[place] != (place > 0 and noisy[place - 1])] + [83]
        cut = list(zip(edges[::2], edges[1::2], strict=True))
        assert corrupted(ids, cut, SENTINELS, EOS) == (
            [*stretches(ids, noisy), EOS],
            [*stretches(ids, [not one for one in noisy]), EOS],
        )


def plainly(length, share, mean, chance):
    """The published mask, written from its description: shuffle which items begin a segment, and take turns."""
    cut = min(max(round(length * share), 1), length - 1)
    number = max(round(cut / mean), 1)

    def segments(items):
        begins = torch.zeros(items - 1)
        begins[: number - 1] = 1
        begins = begins[torch.randperm(items - 1, generator=chance)]
        of = torch.cat([torch.zeros(1), begins]).cumsum(0)
        return torch.bincount(of.long(), minlength=number)

    lengths = torch.stack([segments(length - cut), segments(cut)], 1).flatten()
    return torch.repeat_interleave(torch.arange(2 * number) % 2, lengths).bool()


def test_places_are_cut_as_often_as_by_an_independent_version():
    chance = torch.Generator().manual_seed(3)
    length, rounds = 61, 4000
    ours, theirs = torch.zeros(length), torch.zeros(length)
    for _ in range(rounds):
        for first, end in spans(length, chance):
            ours[first:end] += 1
        theirs += plainly(length, 0.15, 3.0, chance)
    # Four standard deviations of the difference of two shares.
    assert ((ours - theirs) / rounds).abs().max() < 4 * (2 * 0.25 / rounds) ** 0.5


def test_a_batch_is_rectangular_and_the_decoder_reads_what_it_said():
    chance = torch.Generator().manual_seed(3)
    ids = torch.randint(2, 99, (5, 67), generator=chance)
    batch = span_corruption.batch(ids, chance, sentinels=SENTINELS, eos=EOS, start=0)
    source, target = sizes(67)
    assert batch["source"].shape == (5, source) and batch["targets"].shape == (5, target)
    assert (batch["ids"][:, 0] == 0).all() and torch.equal(batch["ids"][:, 1:], batch["targets"][:, :-1])
    assert batch["real"].all() and batch["source_real"].all()
    assert [together(s, t) for s, t in zip(batch["source"].tolist(), batch["targets"].tolist(), strict=True)] == (
        ids.tolist()
    )


def test_the_loss_is_the_reference_librarys(tmp_path):
    transformers = pytest.importorskip(
        "transformers", reason="needs the reference library: pip install 'glassformer[reference]'"
    )
    from glassformer.hub import save

    torch.manual_seed(3)
    config = T5v11Config(vocab=211, d_model=16, layers=2, encoder_layers=2, heads=2, d_k=8, d_ff=24, dropout=0.0)
    model = T5v11(config).eval()
    save(model, tmp_path)
    reference = transformers.T5ForConditionalGeneration.from_pretrained(tmp_path).eval()
    batch = seq2seq.batch([[5, 6, 7, 1], [8, 1]], [[200, 9, 1], [200, 11, 12, 13, 1]], start=0)
    theirs = reference(
        input_ids=batch["source"],
        attention_mask=batch["source_real"].long(),
        labels=batch["targets"].where(batch["real"], torch.tensor(-100)),
    ).loss
    assert seq2seq.loss(model, batch)[0].item() == pytest.approx(theirs.item(), rel=1e-5)


def test_parts_with_targets_of_different_lengths_add_up():
    torch.manual_seed(3)
    config = T5v11Config(vocab=211, d_model=16, layers=1, encoder_layers=1, heads=2, d_k=8, d_ff=24)
    texts = [list(range(2, 2 + length)) for length in (5, 11, 2, 17, 3)]
    batch = seq2seq.batch(texts, [text[::-1] for text in texts[::-1]], start=0)
    adds_up(T5v11(config), seq2seq.loss, batch, 3, "real")


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (([[1]], [[1], [2]]), "There must be a target for each of at least one source: 1, 2"),
        (([[1], []], [[1], [2]]), "sources must have from 1 to 1 tokens each, not 0 or 1"),
    ],
)
def test_what_is_no_pair_is_said(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        seq2seq.batch(*arguments, start=0)


@pytest.mark.parametrize("arguments", [(1,), (9, 0.0), (9, 1.0), (9, 0.5, 0.5)])
def test_what_is_no_noise_is_said(arguments):
    with pytest.raises(ValueError, match="There must be at least 2 tokens, a share between 0 and 1, a mean from 1"):
        noise(*arguments)
