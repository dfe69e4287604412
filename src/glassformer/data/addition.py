"""Sums to learn, such as ``123+456=975``: a task in which every answer can be checked.

The answer is written from the last digit to the first, as one adds on paper: each digit then needs only the digits of
its own column and the carry that the column before has made. Written the usual way, the first digit to be written would
need all columns at once.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

CHARACTERS = " \n+=0123456789"
"""All characters of the task: a pad, the end of a line, two signs and ten digits."""


def question(a: int, b: int) -> str:
    """``a+b=``."""
    return f"{a}+{b}="


def answer(a: int, b: int) -> str:
    """The digits of the sum, the last one first: ``answer(123, 456)`` is ``"975"``."""
    return str(a + b)[::-1]


def right(asked: str, answered: str) -> bool:
    """Whether ``answered`` is the answer to the question ``asked``, digit for digit."""
    a, b = asked.removesuffix("=").split("+")
    return answered == answer(int(a), int(b))


def careless(a: int, b: int, forget: float, generator: torch.Generator) -> str:
    """What somebody writes who forgets each carry with the probability ``forget``; the last digit comes first."""
    written, carry = "", 0
    chances = torch.rand(len(str(max(a, b))), generator=generator).tolist()
    for place, chance in enumerate(chances):
        column = a // 10**place % 10 + b // 10**place % 10 + carry
        written += str(column % 10)
        carry = int(column > 9 and chance >= forget)
    return written + "1" * carry


def spoiled(answered: str, generator: torch.Generator) -> str:
    """The answer with one of its digits, any of them, changed to another digit."""
    place = int(torch.randint(len(answered), (), generator=generator))
    step = int(torch.randint(1, 10, (), generator=generator))
    return answered[:place] + str((int(answered[place]) + step) % 10) + answered[place + 1 :]


def wrong(a: int, b: int, generator: torch.Generator) -> str:
    """A wrong answer: carries are forgotten, each with probability ½; where none was, a digit is changed."""
    written = careless(a, b, 0.5, generator)
    return spoiled(written, generator) if written == answer(a, b) else written


@dataclass(frozen=True)
class Sums:
    """All pairs of numbers with ``digits`` digits, in two parts that have no pair in common.

    Attributes:
        train, test: pairs, ``[N, 2]``.
    """

    train: Tensor
    test: Tensor


def sums(digits: int = 3, test: int = 1000, seed: int = 0) -> Sums:
    """Deal all pairs of numbers from 10…0 to 9…9 at random: ``test`` of them to be asked, the others to learn from.

    No pair of the test is among those to learn from, in that order or the other.
    Raises ``ValueError`` unless both parts get at least one pair.
    """
    low, high = 10 ** (digits - 1), 10**digits
    numbers = high - low
    if not 1 <= digits <= 4 or not 1 <= test < numbers**2 // 2:
        raise ValueError(f"digits must be from 1 to 4 and test from 1 to half of all pairs, not {digits} and {test}.")
    order = torch.randperm(numbers**2, generator=torch.Generator().manual_seed(seed))
    pairs = torch.stack((order // numbers, order % numbers), 1)
    asked = pairs[:test]
    taken = torch.zeros(numbers, numbers, dtype=torch.bool)
    taken[asked[:, 0], asked[:, 1]] = taken[asked[:, 1], asked[:, 0]] = True
    others = pairs[test:]
    return Sums(others[~taken[others[:, 0], others[:, 1]]] + low, asked + low)
