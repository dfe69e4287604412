"""Every architecture beside the reference library's, on the same tiny random weights, and the real models.

    python benchmarks/parity.py [--quick]

For each family: our model with random weights, its settings and tensors as ``save`` writes them, the reference class
built from those, and the largest difference of the logits (relative to the largest logit), in float32 and float64, over
a text as long as the positions. PaLM is compared with its independent implementation by the tests. ``--quick`` leaves
out the real models. The last line is one JSON object.
"""

import argparse
import dataclasses
import json
import os
import tempfile
import warnings
from typing import Any

import torch

from glassformer.catalog import build
from glassformer.hub import family_of, save
from glassformer.models.sizes import sizes

warnings.filterwarnings("ignore")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# A published size of each family, made small. Widths divide where they must; everything else is prime.
SMALL = {
    "vocab": 97,
    "max_positions": 61,
    "d_model": 44,
    "layers": 3,
    "encoder_layers": 2,
    "heads": 4,
    "encoder_heads": 4,
    "encoder_d_ff": 59,
    "d_ff": 53,
    "d_embed": 20,
    "window": 7,
    "full_layers": 1,
    "experts": 5,
    "dt_rank": 5,
    "d_inner": 88,
    "d_state": 7,
}
GROUPED, WIDE = {"kv_heads": 2, "d_k": 12}, {"d_k": 12}
NAMES: dict[str, dict[str, int]] = {
    "gpt1": {"d_ff": 176},
    "gpt2": {},
    "llama-7b": GROUPED,
    "llama-3.1-8b": GROUPED,
    "mistral-7b-v0.1": GROUPED,
    "mixtral-8x7b": GROUPED,
    "qwen2-0.5b": GROUPED,
    "qwen3-0.6b": GROUPED,
    "gemma-2b": {"kv_heads": 1, "d_k": 12},
    "pythia-70m": {},
    "mamba-130m": {},
    "bert-base-uncased": {},
    "distilbert-base-uncased": {},
    "roberta-base": {},
    "electra-small": {},
    "bart-base": {},
    "t5-small": WIDE,
    "t5-v1_1-small": WIDE,
    "ul2-20b": WIDE,
}


def small(config: Any, **more: int) -> Any:
    fields = {f.name for f in dataclasses.fields(config)}
    return dataclasses.replace(config, **{k: v for k, v in (SMALL | more).items() if k in fields})


def reference(model: Any) -> Any:
    """The reference's model, read by the reference itself from the folder that ``save`` wrote."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    of = family_of(model)
    with tempfile.TemporaryDirectory() as folder:
        save(model, folder)
        theirs = getattr(transformers, of.settings(model)["architectures"][0])
        made = theirs.from_pretrained(folder, dtype=torch.float32, experts_implementation="eager")
    if of.model_type == "t5" and not model.tied:  # release 5 ties this head, which was trained untied
        made.lm_head.weight = torch.nn.Parameter(model.head.weight.detach().clone())
    for module in made.modules():
        if type(module).__name__.endswith("RMSNorm") or type(module).__name__ == "T5LayerNorm":
            # It drops to float32 in its norm, which a comparison in float64 must not.
            module.forward = lambda x, m=module: _norm(m, x)
    return made.eval()


def _norm(module: Any, x: torch.Tensor) -> torch.Tensor:
    eps = next(getattr(module, name) for name in ("variance_epsilon", "eps") if hasattr(module, name))
    weight = 1 + module.weight if "Gemma" in type(module).__name__ else module.weight
    return weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


@torch.inference_mode()
def difference(model: Any, theirs: Any, ids: torch.Tensor) -> float:
    if model.encoder is not None:
        ours = model(ids[:, :13], memory=model.encode(ids))
        out = theirs(input_ids=ids, decoder_input_ids=ids[:, :13])
    else:
        ours, out = model(ids), theirs(ids)
    expected = out.logits if hasattr(out, "logits") else out[0]
    return float((ours - expected).abs().max() / max(1.0, float(expected.abs().max())))


def tiny(name: str) -> Any:
    """Our model of that architecture, with random numbers everywhere: a norm that stays at 1 would hide a wrong
    rule.
    """
    torch.manual_seed(0)
    model = build(small(sizes()[name].config, **NAMES[name])).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def compare(name: str) -> dict[str, Any]:
    """How far our logits are from the reference's, over as many tokens as there are positions."""
    model = tiny(name)
    ids = torch.randint(3, 97, (3, model.max_positions or 61))
    theirs = reference(model)
    row = {"architecture": type(model).__name__, "float32": difference(model, theirs, ids)}
    return row | {"float64": difference(model.double(), theirs.double(), ids)}


def architectures() -> dict[str, dict[str, Any]]:
    found = {}
    for name in NAMES:
        row = found[name] = compare(name)
        print(f"{name:28}{row['architecture']:14}{row['float32']:12.1e}{row['float64']:12.1e}", flush=True)
    return found


def real() -> dict[str, Any]:
    """SmolLM2's logits and 64 greedy tokens, MiniLM's embeddings and what they rank first."""
    import transformers

    from glassformer.generate.decode import complete
    from glassformer.hub import load

    model, tokenizer, _ = load("smollm2")
    assert tokenizer is not None
    ids = torch.tensor([tokenizer.encode("The transformer reads the whole sentence at once, and")])
    with tempfile.TemporaryDirectory() as folder:
        save(model, folder, tokenizer)
        theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    logits = difference(model, theirs, ids)
    with torch.inference_mode():
        expected = theirs.generate(ids, max_new_tokens=64, do_sample=False, pad_token_id=0)[0, ids.shape[1] :]
    written = complete(model, ids, max_new=64)[0][: len(expected)]
    encoder, words, about = load("minilm")
    assert words is not None
    theirs = transformers.AutoModel.from_pretrained(about.source).eval()
    texts = ["A cat sleeps on the sofa.", "The kitten naps on the couch.", "Shares fell sharply on Monday."]
    rows, mask = words.batch(texts)
    with torch.inference_mode():
        ours = encoder(torch.tensor(rows), mask=torch.tensor(mask))
        hidden = theirs(torch.tensor(rows), attention_mask=torch.tensor(mask)).last_hidden_state
    weights = torch.tensor(mask)[..., None]
    mean = torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)
    return {
        "smollm2_logits": logits,
        "smollm2_same_tokens": bool(torch.equal(written, expected)),
        "minilm_embeddings": float((ours - mean).abs().max()),
        "minilm_cosines": (ours @ ours.T)[0, 1:].tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    print(f"{'largest difference of a logit':28}{'':14}{'float32':>12}{'float64':>12}")
    figures: dict[str, Any] = {"architectures": architectures()}
    if not quick:
        figures |= real()
        logits, same = figures["smollm2_logits"], figures["smollm2_same_tokens"]
        kitten, shares = figures["minilm_cosines"]
        print(f"SmolLM2: logits within {logits:.1e}, 64 greedy tokens the same: {same}")
        print(f"MiniLM: embeddings within {figures['minilm_embeddings']:.1e}")
        print(f"its cosines: cat and kitten {kitten:.2f}, cat and shares {shares:.2f}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
