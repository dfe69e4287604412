"""What the reference library generates from the same weights: greedily, by sampling, with beams."""

from typing import Any

import pytest
import torch
from torch import Tensor

from glassformer.checkpoint.families import bart, gpt2, llama, t5
from glassformer.generate.beam import beam_search
from glassformer.generate.decode import complete, pad_left
from glassformer.generate.sampling import Sampling
from tests.models.parity import converted, spread

tf = pytest.importorskip("transformers", reason="needs the reference library: pip install 'glassformer[reference]'")

VOCAB, EOS, PAD = 31, 2, 1


def build(kind: str) -> tuple[Any, Any]:
    """The reference and ours, with the same weights, both with answers that differ."""
    torch.manual_seed(0)
    ends = {"vocab_size": VOCAB, "eos_token_id": EOS, "pad_token_id": PAD, "bos_token_id": 0}
    if kind == "gpt2":
        config = tf.GPT2Config(n_positions=61, n_embd=44, n_layer=2, n_head=4, n_inner=53, **ends)
        theirs, family = tf.GPT2LMHeadModel(config), gpt2.FAMILY
    elif kind == "llama":
        sizes = {"hidden_size": 42, "intermediate_size": 53, "num_hidden_layers": 2}
        config = tf.LlamaConfig(num_attention_heads=6, num_key_value_heads=3, head_dim=14, **sizes, **ends)
        theirs, family = tf.LlamaForCausalLM(config), llama.FAMILY
    elif kind == "t5":
        sizes = {"d_model": 22, "d_kv": 5, "d_ff": 29, "num_layers": 2, "num_heads": 3}
        config = tf.T5Config(decoder_start_token_id=0, **sizes, **ends)
        theirs, family = tf.T5ForConditionalGeneration(config), t5.FAMILY
    else:
        sizes = {"d_model": 24, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 61}
        heads = {"encoder_attention_heads": 3, "decoder_attention_heads": 2}
        widths = {"encoder_ffn_dim": 29, "decoder_ffn_dim": 37}
        config = tf.BartConfig(decoder_start_token_id=0, forced_eos_token_id=None, **sizes, **heads, **widths, **ends)
        theirs, family = tf.BartForConditionalGeneration(config), bart.FAMILY
    for seed in range(20):  # twenty times a variance of 0.01: answers should not be one token again and again
        spread(theirs, seed)
    theirs.eval()
    theirs.generation_config.forced_eos_token_id = None
    return theirs, converted(family, theirs)


def prompts(kind: str, ours: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A padded batch for both: the reference's arguments, and ours. No prompt holds a pad or an end."""
    rows = [[3, 4, 5, 6, 7, 8, 9], [10], [11, 12, 11], [30, 29, 28, 27, 3]]
    ids, mask = pad_left(rows, PAD)
    if kind in ("gpt2", "llama"):
        return {"input_ids": ids, "attention_mask": mask.long()}, {"ids": ids, "mask": mask}
    # A source is padded on the right: BART's reference gives its pads positions too.
    mask = mask.flip(1)
    ids = torch.full_like(ids, PAD).masked_scatter(mask, torch.tensor([id for row in rows for id in row]))
    with torch.no_grad():
        memory = ours.encode(ids, mask)
    start = torch.zeros(4, 1, dtype=torch.long)
    return {"input_ids": ids, "attention_mask": mask.long()}, {"ids": start, "memory": memory}


def new_tokens(kind: str, sequences: Tensor, prompt: int) -> Tensor:
    return sequences[:, prompt if kind in ("gpt2", "llama") else 1 :]


KINDS = ["gpt2", "llama", "t5", "bart"]


@pytest.mark.parametrize("penalty", [1.0, 1.4])
@pytest.mark.parametrize("kind", KINDS)
def test_greedy(kind: str, penalty: float) -> None:
    theirs, ours = build(kind)
    given, arguments = prompts(kind, ours)
    expected = theirs.generate(**given, max_new_tokens=19, do_sample=False, repetition_penalty=penalty)
    ids = arguments.pop("ids")
    told = complete(
        ours,
        ids,
        max_new=19,
        sampling=Sampling(temperature=0, repetition_penalty=penalty),
        stop_ids=(EOS,),
        pad=PAD,
        **arguments,
    )
    assert torch.equal(told, new_tokens(kind, expected, given["input_ids"].shape[1]))
    assert len(told.unique()) > (4 if penalty > 1 else 1)


@pytest.mark.parametrize("kind", KINDS)
def test_sampling_draws_from_the_same_distributions(kind: str) -> None:
    """The reference samples; at each of its steps our probabilities are those it drew from."""
    theirs, ours = build(kind)
    given, arguments = prompts(kind, ours)
    rules = {"temperature": 1.7, "top_k": 17, "top_p": 0.93, "min_p": 0.01, "repetition_penalty": 1.3}
    torch.manual_seed(5)
    run = theirs.generate(
        **given,
        **rules,
        typical_p=0.9,
        do_sample=True,
        max_new_tokens=11,
        eos_token_id=None,
        output_scores=True,
        return_dict_in_generate=True,
    )
    sampling = Sampling(**rules, typical=0.9)
    text, mask, memory = arguments["ids"], arguments.get("mask"), arguments.get("memory")
    added = new_tokens(kind, run.sequences, given["input_ids"].shape[1])
    for step, scores in enumerate(run.scores):
        more = {} if memory is None else {"memory": memory}
        with torch.no_grad():
            logits = ours(text, mask=mask, **more)[:, -1]
        p, q = sampling.probabilities(logits, text, mask), scores.softmax(-1)
        assert torch.equal(p > 0, q > 0)
        torch.testing.assert_close(p, q, rtol=0, atol=1e-4)  # logits to 1e-5 of some ten, by the parity rule
        text = torch.cat((text, added[:, step, None]), 1)
        mask = None if mask is None else torch.cat((mask, torch.ones_like(mask[:, :1])), 1)


@pytest.mark.parametrize("early_stopping", [False, True, "never"])
@pytest.mark.parametrize("length_penalty", [-1.0, 0.0, 1.0, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_beams(kind: str, length_penalty: float, early_stopping: Any) -> None:
    theirs, ours = build(kind)
    given, arguments = prompts(kind, ours)
    ends = [EOS, *range(9, 16)]  # many, so that beams end at all lengths
    if length_penalty == 0:  # one that comes often
        ends = [int(complete(ours, max_new=13, **arguments).flatten().mode().values)]
    run = theirs.generate(
        **given,
        max_new_tokens=13,
        do_sample=False,
        num_beams=4,
        num_return_sequences=4,
        length_penalty=length_penalty,
        early_stopping=early_stopping,
        eos_token_id=ends,
        output_scores=True,
        return_dict_in_generate=True,
    )
    told = beam_search(
        ours,
        arguments.pop("ids"),
        beams=4,
        max_new=13,
        length_penalty=length_penalty,
        early_stopping=early_stopping,
        stop_ids=ends,
        pad=PAD,
        **arguments,
    )
    expected = new_tokens(kind, run.sequences, given["input_ids"].shape[1])
    assert torch.equal(told.ids.flatten(0, 1), expected)
    # sums of up to 13 log probabilities in float32, each to 1e-5 of its logits
    torch.testing.assert_close(told.scores.flatten(), run.sequences_scores, rtol=1e-4, atol=1e-4)


def test_the_beams_above_end_at_several_lengths() -> None:
    """Or they would compare little."""
    _, ours = build("gpt2")
    _, arguments = prompts("gpt2", ours)
    told = beam_search(ours, arguments.pop("ids"), beams=4, max_new=13, stop_ids=range(9, 16), pad=PAD, **arguments)
    assert len(set((told.ids != PAD).sum(-1).flatten().tolist())) > 3
