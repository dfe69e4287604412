"""The exercises of ``rnn_intro``."""

from typing import Final

from glassformer.learn.exercise import Exercise
from glassformer.learn.exercises.rnn import attention, memory, recurrence

EXERCISES: Final[tuple[Exercise, ...]] = (*recurrence.EXERCISES, *memory.EXERCISES, *attention.EXERCISES)
