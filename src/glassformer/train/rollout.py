"""Rollouts: the policy answers prompts, and its answers become a batch to learn from.

Legend: B rows, T tokens.
"""

import torch

from glassformer.generate.context import LanguageModel
from glassformer.generate.decode import complete, pad_left
from glassformer.generate.sampling import Sampling
from glassformer.objectives import Batch, supervised
from glassformer.objectives.supervised import Texts

AS_IT_SAYS = Sampling()
"""Temperature 1 and no limit: a token is sampled with the probability that the policy gives it."""


def rollout(
    policy: LanguageModel,
    prompts: Texts,
    *,
    max_new: int,
    eos: int,
    pad: int = 0,
    sampling: Sampling = AS_IT_SAYS,
    generator: torch.Generator | None = None,
) -> Batch:
    """Sample an answer to each prompt: ``ids``, ``targets`` and ``answer`` as ``supervised.batch`` lays them out.

    An answer ends with its first ``eos``, which belongs to it, or after ``max_new`` tokens; ``finished``, ``[B]``, says
    which. While sampling, pads stand before shorter prompts; in the batch they stand at the end, where nothing sees
    them. It never depends on anything but the arguments and the generator.

    Args:
        policy: a decoder. Dropout is left as it is: ``policy.eval()`` turns it off.
        prompts: tokens, of any lengths.
        max_new: the most tokens of an answer.
        eos, pad: tokens.
        sampling: to learn from the answers it must be as the policy says; greedy or narrower for tests.
        generator: the source of chance.

    Raises ``ValueError`` as ``generate.decode.generate`` does. Taught in ``transformers``, section 13.
    """
    device = policy.embed.weight.device
    ids, mask = pad_left(prompts, pad, device)
    sampled = complete(
        policy,
        ids,
        max_new=max_new,
        mask=None if bool(mask.all()) else mask,
        sampling=sampling,
        stop_ids=(eos,),
        generator=generator,
    )
    answers = [until(eos, row) for row in sampled.tolist()]
    made = supervised.batch(prompts, answers, pad=pad, length=ids.shape[1] + max_new - 1)
    made["finished"] = torch.tensor([row[-1] == eos for row in answers])
    return {name: tensor.to(device) for name, tensor in made.items()}


def until(eos: int, row: list[int]) -> list[int]:
    """The tokens up to the first ``eos``, it included."""
    return row[: row.index(eos) + 1] if eos in row else row


def answers(batch: Batch) -> list[list[int]]:
    """The tokens of each answer of a batch, its ``eos`` included."""
    rows: list[list[int]] = [row[asked].tolist() for row, asked in zip(batch["targets"], batch["answer"], strict=True)]
    return rows


def repeated(prompts: Texts, times: int) -> Texts:
    """Each prompt ``times`` in sequence: the groups of GRPO."""
    return [prompt for prompt in prompts for _ in range(times)]
