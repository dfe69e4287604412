"""What the tests of alignment share: small decoders in float64, texts of odd lengths, and parts against the whole."""

import math

import torch

from glassformer.models import replace
from glassformer.models.gpt import GPT2, GPTConfig
from glassformer.models.heads import Score
from glassformer.models.llama import Llama, LlamaConfig
from glassformer.objectives import parts

VOCAB, EOS, PAD = 23, 19, 17


def gpt(seed=0):
    torch.manual_seed(seed)
    config = GPTConfig(vocab=VOCAB, max_positions=37, d_model=22, layers=2, heads=2, d_ff=29, dropout=0.0)
    return lively(GPT2(config))


def llama(seed=0):
    torch.manual_seed(seed)
    config = LlamaConfig(vocab=VOCAB, d_model=22, layers=2, heads=2, kv_heads=1, d_k=6, d_ff=29)
    return lively(Llama(config))


def close(one, other, rel_tol=1e-12, abs_tol=0.0):
    """Whether two numbers are one, but for the rounding of float64, which sums in another order come to."""
    return math.isclose(
        *(float(torch.as_tensor(each, dtype=torch.float64).detach()) for each in (one, other)),
        rel_tol=rel_tol,
        abs_tol=abs_tol,
    )


def lively(model):
    """The weights that it starts with are so small that all tokens are almost alike; make them matter."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(10)
    return model.double().eval()


def scorer(seed=0, make=gpt):
    model = make(seed)
    replace(model, "head", lambda _: Score(22), untied=True)
    torch.nn.init.normal_(model.head.out.weight)
    return model.double()


def texts(number, seed=0, longest=7):
    """Prompts and answers of 1 to ``longest`` tokens, none of which is a special one."""
    draw = torch.Generator().manual_seed(seed)

    def text():
        size = int(torch.randint(1, longest + 1, (), generator=draw))
        return torch.randint(0, 13, (size,), generator=draw).tolist()

    return [text() for _ in range(number)], [text() for _ in range(number)]


def gradients(model):
    found = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    model.zero_grad(set_to_none=True)
    return found


def check_parts(model, loss, batch, numbers=(1, 2, 3, 5)):
    """The losses of the parts, their gradients and their metrics add up to the whole's, however it is cut."""
    whole, said = loss(model, batch)
    whole.backward()
    expected = gradients(model)
    assert all(not value.requires_grad for value in said.values())
    for number in numbers:
        total, sums = 0.0, dict.fromkeys(said, 0.0)
        for part in parts(batch, number):
            value, metrics = loss(model, part)
            value.backward()
            total = total + value.detach()
            sums = {name: sums[name] + metrics[name] for name in sums}
        # float64 rounds at 1e-16; sums of some hundred terms in another order come to about 1e-14.
        torch.testing.assert_close(total, whole.detach(), rtol=1e-12, atol=1e-13)
        for name in said:
            # Shares of right tokens are counted in float32.
            torch.testing.assert_close(sums[name], said[name], rtol=1e-6, atol=1e-12)
        for ours, theirs in zip(gradients(model), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-13)
