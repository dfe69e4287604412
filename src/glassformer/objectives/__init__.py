"""Objectives: what a model is asked to get better at. Each file holds one, as two functions.

- ``batch(…) -> Batch`` makes from tokens what the model is shown and what it should have said; where chance is
  involved it comes from a ``torch.Generator`` that the caller gives.
- ``loss(model, batch) -> (loss, metrics)``: one number to make smaller, with its gradient, and detached numbers to
  look at. It changes nothing.

**A batch is a dictionary of tensors** whose first axis is the row. What another model contributed, such as the
log-probabilities of a reference, is a tensor in it like any other, made beforehand by a step that can be seen.

**Every loss and every metric is an average over named places of the batch**: see ``average``. When a batch is cut into
parts, for accumulation or for several processes, ``whole`` has counted those places before, so that the losses of the
parts, their gradients and their metrics simply add up to those of the whole batch. That is exact even where the parts
hold different numbers of real tokens; an average of averages is not.
"""

from glassformer.objectives.batch import Batch, Loss, accuracy, average, cross_entropy, parts, to, whole

__all__ = ["Batch", "Loss", "accuracy", "average", "cross_entropy", "parts", "to", "whole"]
