"""Architectures: one short file each, saying what is different about it by choosing parts.

**The interface**, on which everything above relies:

- ``model(ids, *, memory=None, mask=None, state=None) -> logits``: ``ids`` is ``[B, T]``; an encoder returns what its
  head makes.
- ``model.hidden(ids, …)``: the same without the head, ``[B, T, D]``; ``model.logits(hidden)``: the head alone, so that
  a long prompt
  needs it for its last token only.
- ``model.encode(ids, mask=None) -> Memory`` where there is an encoder whose output a decoder reads.
- ``model.embed``, ``model.stack``, ``model.norm``, ``model.head``: the modules themselves.
- ``model.new_state(batch, max_len)``: room for what a model keeps between calls. It belongs to the caller.
- ``model.config``: a frozen data class with the fields of the constructor, and nothing else.
- ``model.tied``: pairs of names of parameters that are one tensor.
- ``model.init_weights()``: the published initialization.

``mask`` is a tensor ``[B, T]``, true at the real tokens of ``ids``, or a ``Mask`` value, which then says all about who
sees whom.

Importing this package imports no model.
"""

from glassformer.models.surgery import replace
from glassformer.models.tying import is_tied, tie, untie

__all__ = ["is_tied", "replace", "tie", "untie"]
