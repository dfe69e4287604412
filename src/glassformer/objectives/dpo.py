"""Direct preference optimization: learn from preferred answers without a reward model and without sampling.

The policy is its own reward model: ``r = β (log π(answer) − log π_ref(answer))``, how much more likely than for the
reference it has become. Legend: B rows, T tokens. Pairs have an axis of 2: the better answer first.
"""

from torch import Tensor, nn
from torch.nn import functional

from glassformer.objectives import reward
from glassformer.objectives.batch import Batch, average
from glassformer.objectives.logprobs import answer_log_probs

batch = reward.batch
"""Pairs of answers, as for a reward model. ``train.experience.with_reference`` adds ``reference``, ``[B, 2, T]``."""


def loss(model: nn.Module, batch: Batch, *, beta: float = 0.1) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean over pairs of ``−log σ(β (h_better − h_worse))`` with ``h = log π(answer) − log π_ref(answer)``.

    It is ln 2 while the policy is the reference. Metrics: ``accuracy``, the share of pairs with
    ``h_better > h_worse``; ``better`` and ``worse``, the implicit rewards β h; ``margin``, their difference.

    Args:
        model: the policy.
        batch: pairs, with ``reference``: what the reference gives to each token of the answers, ``[B, 2, T]``.
        beta: β, how dearly it is paid to leave the reference; above 0.

    Raises ``ValueError`` if ``beta`` is not positive or the batch has no ``reference``.
    Source: Rafailov et al. (2023), equation 7. Taught in ``transformers``, section 13.
    """
    h_B2 = ratios(model, batch, beta).sum(-1)
    value = average(-functional.logsigmoid(beta * (h_B2[:, 0] - h_B2[:, 1])), batch)
    return value, {"loss": value.detach()} | _said(beta * h_B2, batch)


def ipo(model: nn.Module, batch: Batch, *, beta: float = 0.1) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean over pairs of ``(h_better − h_worse − 1 / (2β))²``, where h is the mean log-ratio of an answer's tokens.

    DPO wants the margin to grow without end; IPO wants it to be ``1 / (2β)`` and no more. It is ``(1 / (2β))²`` while
    the policy is the reference. The paper writes whole answers; with the mean over tokens, as in TRL, β means the same
    for long and short ones. Metrics: as for ``loss``.

    Args and errors: as for ``loss``; ``beta`` is the paper's τ.
    Source: Azar et al. (2023), equation 17. Taught in ``transformers``, section 13.
    """
    h_B2 = ratios(model, batch, beta).sum(-1) / batch["answer"].sum(-1)
    value = average((h_B2[:, 0] - h_B2[:, 1] - 1 / (2 * beta)).square(), batch)
    return value, {"loss": value.detach()} | _said(beta * h_B2, batch)


def ratios(model: nn.Module, batch: Batch, beta: float) -> Tensor:
    """``log π(token) − log π_ref(token)`` at the tokens of the answers, 0 elsewhere, ``[B, 2, T]``."""
    if not beta > 0:
        raise ValueError(f"beta must be greater than 0, not {beta}.")
    if "reference" not in batch:
        raise ValueError("batch must hold the reference's log-probabilities: see train.experience.with_reference.")
    return answer_log_probs(model, batch) - batch["reference"].detach()


def _said(rewards_B2: Tensor, batch: Batch) -> dict[str, Tensor]:
    better_B, worse_B = rewards_B2.detach().unbind(-1)
    said = {
        "accuracy": (better_B > worse_B).to(better_B.dtype),
        "better": better_B,
        "worse": worse_B,
        "margin": better_B - worse_B,
    }
    return {name: average(each, batch) for name, each in said.items()}
