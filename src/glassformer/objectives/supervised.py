"""Supervised fine-tuning: the next token, where it belongs to the answer. The prompt is read and not learned.

Legend: B rows, T tokens, V vocab.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from glassformer.objectives.batch import Batch, accuracy, average
from glassformer.objectives.logprobs import log_probs
from glassformer.parts.mask import Blocks, Causal

Texts = Sequence[Sequence[int]]
"""Tokens of several texts."""


def batch(prompts: Texts, answers: Texts, *, eos: int | None = None, pad: int = 0, length: int | None = None) -> Batch:
    """A row for each prompt with its answer: ``ids``, ``targets``, and ``answer``, true where a target is learned.

    Pads stand at the end, where a causal model does not see them, so that no mask is needed.

    Args:
        prompts, answers: tokens, of any lengths.
        eos: the token that ends every answer, learned as part of it; ``None`` adds none.
        pad: fills the rows.
        length: how many tokens a row holds; by default as many as the longest needs.

    Raises ``ValueError`` if there are not as many prompts as answers, if one is empty, or if one does not fit.
    """
    samples = joined(prompts, answers, eos)
    length = max(map(len, samples)) - 1 if length is None else length
    return _rows([[sample] for sample in zip(samples, map(len, prompts), strict=True)], pad, length)


def packed(prompts: Texts, answers: Texts, *, length: int, eos: int | None = None, pad: int = 0) -> Batch:
    """The same samples, several in a row of ``length`` tokens, with little padding.

    The longest come first, and each goes into the row that it fills best. ``text`` says which sample a place belongs
    to, from 1 on, and 0 for pads: by it ``loss`` keeps samples from seeing each other and lets positions start again.

    Args and errors: as for ``batch``. Source: best-fit decreasing, Johnson (1974).
    """
    samples = joined(prompts, answers, eos)
    rows: list[list[tuple[list[int], int]]] = []
    free: list[list[list[tuple[list[int], int]]]] = [[] for _ in range(length)]  # the rows with so many free places
    for sample in sorted(zip(samples, map(len, prompts), strict=True), key=lambda sample: -len(sample[0])):
        takes = len(sample[0]) - 1
        room = next((room for room in range(takes, length) if free[room]), length)
        if room == length:
            rows.append([])
        row = rows[-1] if room == length else free[room].pop()
        row.append(sample)
        if takes < room:
            free[room - takes].append(row)
    numbers = [[number for number, (s, _) in enumerate(row, start=1) for _ in s[1:]] for row in rows]
    made = _rows(rows, pad, length)  # which refuses what is too long
    return made | {"text": torch.tensor([row + [0] * (length - len(row)) for row in numbers])}


def loss(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean of ``−log p(token | tokens before)`` over the tokens of the answers, in nats.

    It reads ``Causal() & Blocks(text)`` where samples are packed.

    Source: Ouyang et al. (2022), section 3.5, SFT. Taught in ``transformers``, section 13.
    """
    logits_BTV = logits(model, batch)
    value = average(-log_probs(logits_BTV, batch["targets"]), batch, "answer")
    return value, {"loss": value.detach(), "accuracy": accuracy(logits_BTV, batch, "answer")}


def logits(model: Any, batch: Batch) -> Tensor:
    """What the model says at each place, ``[B, T, V]``; packed samples do not see each other."""
    packing = {"mask": Causal() & Blocks(batch["text"])} if "text" in batch else {}
    found: Tensor = model(batch["ids"], **packing)
    return found


def joined(prompts: Texts, answers: Texts, eos: int | None = None) -> list[list[int]]:
    """Each prompt with its answer and ``eos``. Raises ``ValueError`` for what cannot be learned from."""
    if len(prompts) != len(answers) or not prompts:
        raise ValueError(f"There must be an answer to each of at least one prompt: {len(prompts)}, {len(answers)}.")
    end = [] if eos is None else [eos]
    samples = [[*prompt, *answer, *end] for prompt, answer in zip(prompts, answers, strict=True)]
    for number, (prompt, sample) in enumerate(zip(prompts, samples, strict=True)):
        if not len(prompt):
            raise ValueError(f"prompts must have at least one token each, but number {number} has 0.")
        if len(sample) == len(prompt):
            raise ValueError(f"answers must have at least one token each, but number {number} has 0.")
    return samples


def _rows(rows: Sequence[Sequence[tuple[list[int], int]]], pad: int, length: int) -> Batch:
    """Rows of samples, each a text and the length of its prompt, filled up with ``pad`` to ``length``."""
    made: dict[str, list[list[int]]] = {"ids": [], "targets": [], "answer": []}
    for row in rows:
        ids = [token for text, _ in row for token in text[:-1]]
        if len(ids) > length:
            raise ValueError(f"length ({length}) must hold every prompt with its answer; one takes {len(ids)} tokens.")
        empty = length - len(ids)
        made["ids"].append(ids + [pad] * empty)
        made["targets"].append([token for text, _ in row for token in text[1:]] + [pad] * empty)
        asked = [place >= prompt for text, prompt in row for place in range(1, len(text))]
        made["answer"].append(asked + [0] * empty)
    return {name: torch.tensor(one, dtype=torch.bool if name == "answer" else None) for name, one in made.items()}
