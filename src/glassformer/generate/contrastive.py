"""Contrastive search: the next token should be likely, and should not lead where the text has been before.

Legend: B batch, K candidates, S tokens so far, D d_model, V vocab.
"""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from glassformer.generate.checks import check, check_logits
from glassformer.generate.context import Context, Ends, LanguageModel
from glassformer.parts.step import Memory


def contrast(
    probabilities_BK: Tensor, candidates_BKD: Tensor, past_BSD: Tensor, real_BS: Tensor, alpha: float
) -> Tensor:
    """``(1 − α) · p(v) − α · max over the past of cos(h_v, h_j)``, for each candidate, ``[B, K]``.

    The second term is large where the candidate's hidden state looks like one that was there before: the text repeats
    itself.

    Source: Su et al. (2022), eq. 5. Taught in ``transformers``, section 12.
    """
    cosine_BKS = F.normalize(candidates_BKD, dim=-1) @ F.normalize(past_BSD, dim=-1).mT
    degeneration_BK = cosine_BKS.masked_fill(~real_BS[:, None], -torch.inf).amax(-1)
    return (1 - alpha) * probabilities_BK - alpha * degeneration_BK


def contrastive_search(
    model: LanguageModel,
    ids: Tensor,
    *,
    max_new: int,
    candidates: int = 4,
    alpha: float = 0.6,
    mask: Tensor | None = None,
    memory: Memory | None = None,
    stop_ids: Sequence[int] = (),
    pad: int | None = None,
) -> Iterator[Tensor]:
    """Yields the next token of every row, ``[B]``: of the most likely ones that which ``contrast`` prefers.

    Nothing in it is random. Every candidate has to be read, in one batch, before one is chosen; the state then goes on
    from the chosen one.

    Args:
        model, ids, max_new, mask, memory, stop_ids, pad: as for ``generate``.
        candidates: how many tokens are tried, K; 1 is greedy decoding. At most the whole vocabulary.
        alpha: the weight of the degeneration penalty, from 0 (greedy decoding) to 1.

    Raises ``ValueError`` as ``generate`` does, and if ``candidates`` is below 1 or ``alpha`` is not from 0 to 1.

    Source: Su et al. (2022), section 3. Taught in ``transformers``, section 12.
    """
    check(model, ids, max_new, mask=mask, memory=memory, stop_ids=stop_ids, pad=pad)
    if candidates < 1:
        raise ValueError(f"candidates must be at least 1, not {candidates}.")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be from 0 to 1, not {alpha}.")
    candidates = min(candidates, model.embed.num_embeddings)
    if memory is not None:
        memory = Memory(*(None if each is None else each.repeat_interleave(candidates, 0) for each in memory))  # type: ignore[arg-type]
    return _search(model, ids, mask, memory, max_new, candidates, alpha, Ends(ids.shape[0], stop_ids, pad, ids.device))


@torch.inference_mode()
def _search(
    model: LanguageModel,
    ids: Tensor,
    mask: Tensor | None,
    memory: Memory | None,
    max_new: int,
    candidates: int,
    alpha: float,
    ends: Ends,
) -> Iterator[Tensor]:
    batch, prompt = ids.shape
    context = Context(model, batch * candidates, prompt + max_new, memory=memory)
    first = torch.arange(batch, device=ids.device) * candidates  # a row's copies begin here
    real_BS = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.bool()
    past_BSD = context.hidden(
        ids.repeat_interleave(candidates, 0), None if mask is None else real_BS.repeat_interleave(candidates, 0)
    )[first]
    for count in range(1, max_new + 1):
        logits_BV = check_logits(model.logits(past_BSD[:, -1:])[:, 0], count)
        likely_BK = logits_BV.float().softmax(-1).topk(candidates)
        hidden_BKD = context.hidden(likely_BK.indices.reshape(-1, 1)).view(batch, candidates, -1)
        best_B1 = contrast(likely_BK.values, hidden_BKD, past_BSD, real_BS, alpha).argmax(-1, keepdim=True)
        yield ends.put(likely_BK.indices.gather(1, best_B1)[:, 0])
        if ends.all:
            return
        context.state.reorder((first[:, None] + best_B1).flatten().repeat_interleave(candidates))
        past_BSD = torch.cat((past_BSD, hidden_BKD.take_along_dim(best_B1[:, :, None], 1)), 1)
        real_BS = torch.cat((real_BS, torch.ones_like(real_BS[:, :1])), 1)
