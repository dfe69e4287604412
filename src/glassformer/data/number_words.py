"""Numbers in English words, and as digits: a small task in which every output symbol has its place in the input."""

import random
from typing import Final

SMALL: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS: Final = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
PAD, BEGIN, END = 0, 1, 2
TOKENS: Final = ["<pad>", "<begin>", "<end>", *"0123456789", *SMALL, *TENS, "hundred", "thousand", "million"]
"""What the numbers of tokens stand for: padding, begin and end, the ten digits, the words."""
NUMBERS: Final = {token: number for number, token in enumerate(TOKENS)}
MOST: Final = 10**9


def in_words(number: int) -> list[str]:
    """The English words of ``number``, without *and* and hyphens. Raises ``ValueError`` outside 0 … 999,999,999.

    >>> " ".join(in_words(342_017))
    'three hundred forty two thousand seventeen'
    """
    if not 0 <= number < MOST:
        raise ValueError(f"number must be from 0 to {MOST - 1:,}, not {number:,}.")
    if number < 20:
        return [SMALL[number]]
    for size, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = in_words(number % size) if number % size else []
            return [*in_words(number // size), name, *rest]
    return [TENS[number // 10 - 2], *([SMALL[number % 10]] if number % 10 else [])]


def source(number: int) -> list[int]:
    """The words of ``number`` as numbers of tokens."""
    return [NUMBERS[word] for word in in_words(number)]


def target(number: int) -> list[int]:
    """Its digits as numbers of tokens, from ``BEGIN`` to ``END``."""
    return [BEGIN, *(NUMBERS[digit] for digit in str(number)), END]


def read(ids: list[int]) -> str:
    """What stands in ``ids`` before the first ``END``, as text."""
    until = ids.index(END) if END in ids else len(ids)
    return "".join(TOKENS[i] for i in ids[:until] if i not in (PAD, BEGIN))


def draw(rng: random.Random, digits: int) -> int:
    """A number with so many digits at most: first how many, from 1 on, then which."""
    return rng.randrange(10 ** rng.randint(1, digits))
