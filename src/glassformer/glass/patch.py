"""Patching: replace a tensor while a model runs, and see what follows from it.

Legend: B batch, T tokens, H heads, K d_k.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from torch import Tensor, nn

from glassformer.glass.explicit import Pattern, explicit, find, select
from glassformer.glass.trace import Trace

Change = Callable[[Tensor], Tensor]


@contextmanager
def replacing(model: Any, changes: Mapping[str, Change]) -> Iterator[Any]:
    """Within the block each named tensor becomes what its function makes of it, and the pass goes on from there.

    Args:
        model: any model, compiled or not. It runs uncompiled, with explicit kernels; the block yields it as it then is.
        changes: names of taps or modules, or globs, and for each a function that returns a tensor of the same shape.
            A name that several entries match gets all their functions, in their order.

    ``with replacing(model, {"stack.3.attention.stream": torch.zeros_like}): logits = model(ids)``

    A module that has several places in the model is changed in all of them. Gradients and dropout stay as they are.
    Raises ``ValueError`` for a name that is not there, with the nearest, or for a result of another shape.
    Taught in ``transformers``, section 9.
    """
    handles = []
    with explicit(model) as module:
        try:
            for pattern, change in changes.items():
                for part in dict.fromkeys(find(module, pattern).values()):
                    handles.append(part.register_forward_hook(_hook(pattern, change)))
            yield module
        finally:
            for handle in handles:
                handle.remove()


def _hook(name: str, change: Change) -> Callable[[nn.Module, Any, Tensor], Tensor]:
    def hook(module: nn.Module, _: Any, old: Tensor) -> Tensor:
        new = change(old)
        if getattr(new, "shape", None) != old.shape:
            given = list(new.shape) if isinstance(new, Tensor) else new
            raise ValueError(f"changes[{name!r}] must return the shape {list(old.shape)}, not {given}.")
        return new

    return hook


@contextmanager
def ablate_heads(
    model: Any, heads: Mapping[int, Sequence[int]], instead: Literal["zero", "mean"] = "zero", *, prefix: str = "stack"
) -> Iterator[Any]:
    """Within the block the named attention heads say nothing: what they read is replaced before the output projection.

    Args:
        model: any model with attention.
        heads: for each layer, counted from 0, the heads to silence, such as ``{3: [0, 5]}``.
        instead: ``"zero"``, or ``"mean"``: what the head reads on average over all rows and tokens of the same call.
            That removes what differs between tokens and keeps what they share; in a causal model it looks ahead.
        prefix: the stack; ``"encoder.stack"`` for the encoder of an encoder-decoder.

    Yields the model as it then is, as ``replacing`` does. Raises ``ValueError`` if there is no such layer or head.
    Source: Michel, Levy and Neubig (2019), section 3. Taught in ``transformers``, section 9.
    """
    if instead not in ("zero", "mean"):
        raise ValueError(f"instead must be 'zero' or 'mean', not {instead!r}.")
    with explicit(model) as module:
        changes = {}
        for layer, chosen in heads.items():
            for name in find(module, f"{prefix}.{layer}.*mixed"):
                if ".cross." not in name:
                    changes[name] = _silence(list(chosen), instead == "mean")
                    count = int(module.get_submodule(name.rpartition(".")[0]).heads)
                    if wrong := [head for head in chosen if not 0 <= head < count]:
                        raise ValueError(f"heads[{layer}] must lie in 0 to {count - 1}, but {wrong[0]} is among them.")
        with replacing(module, changes):
            yield module


def _silence(heads: list[int], mean: bool) -> Change:
    def change(mixed_BHTK: Tensor) -> Tensor:
        mixed_BHTK = mixed_BHTK.clone()
        chosen = mixed_BHTK[:, heads]
        mixed_BHTK[:, heads] = chosen.mean((0, 2), keepdim=True).expand_as(chosen) if mean else 0.0
        return mixed_BHTK

    return change


def patch_from(
    trace: Trace, taps: Pattern | Iterable[Pattern], positions: Sequence[int] | Mapping[int, int] | None = None
) -> dict[str, Change]:
    """Changes for ``replacing`` that put the values of another run in the place of this run's: activation patching.

    Args:
        trace: the run that gives the values. It must have kept them.
        taps: which of its tensors: names, globs or regular expressions.
        positions: the tokens to patch, or a mapping from tokens of ``trace`` to tokens of the run that is patched. All
            of them by default, which asks for texts of equal length.

    ``with replacing(model, patch_from(clean, "stack.3.*.stream", [4])): logits = model(corrupted)``

    Raises ``ValueError`` if nothing matches, values were not kept, or a tensor has no axis of tokens to choose from.
    Source: Meng et al. (2022), section 2.1. Taught in ``transformers``, section 9.
    """
    changes: dict[str, Change] = {}
    for name in select(taps, list(trace)):
        record = trace[name]
        axes = record.shape.split()
        if axes and len(record.size) != len(axes):
            raise ValueError(
                f"taps must keep every token in its place to be patched, but {name!r} is {list(record.size)}: "
                "an expert sees only the tokens that are sent to it."
            )
        if positions is not None and "T" not in axes:
            raise ValueError(f"positions must be left out for {name!r}: its axes are [{record.shape}], without T.")
        changes[name] = _put(record.value, positions, axes.index("T") - len(axes) if positions is not None else 0)
    return changes


def _put(value: Tensor, positions: Sequence[int] | Mapping[int, int] | None, axis: int) -> Change:
    pairs = None
    if positions is not None:
        pairs = list(positions.items()) if isinstance(positions, Mapping) else [(token, token) for token in positions]

    def change(old: Tensor) -> Tensor:
        new = value.to(old)
        if pairs is None:
            return new
        patched = old.clone()
        for there, here in pairs:
            _check_token(there, new.shape[axis], "trace")
            _check_token(here, old.shape[axis], "run that is patched")
            patched.select(axis, here).copy_(new.select(axis, there))
        return patched

    return change


def _check_token(token: int, size: int, run: str) -> None:
    if not -size <= token < size:
        raise ValueError(f"positions must lie in the {size} tokens of the {run}, but {token} is among them.")
