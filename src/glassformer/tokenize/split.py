r"""Splitting rules: where a text may be cut before BPE merges anything.

A rule is a row of regular expressions. The earlier ones cut their matches out; the last covers what is left, so that
the pieces joined give the text again. Merges never cross a cut: "dog." and "dog!" share the piece "dog".

A rule is written once, with a name in angle brackets for each class of characters, and spelled out for two engines:

- ``<L>`` letters, ``<N>`` numbers, ``<S>`` white space, ``<X>`` anything but white space,
- ``<O>`` others: neither letter nor number nor white space, ``<M>`` neither letter nor number nor line break.
"""

import re
from collections.abc import Collection, Iterator
from functools import cache
from itertools import groupby

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?<L>+| ?<N>+| ?<O>+|<S>+(?!<X>)|<S>+"
# GPT-4's rule, as Llama 3 writes it out.
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|<M>?<L>+|<N>{1,3}| ?<O>+[\r\n]*|<S>*[\r\n]+|<S>+(?!<X>)|<S>+"

RULES: dict[str, tuple[str, ...]] = {
    "gpt-2": (GPT2,),
    "smollm": (r"<N>", GPT2),  # each digit alone, so that numbers are read digit by digit
    "llama-bpe": (LLAMA3,),
    "qwen2": (LLAMA3.replace("{1,3}", ""),),
}

# Names under which files know the same rules (llama.cpp's own list is longer; a name that is not here is refused).
ALIASES = {"phi-2": "gpt-2", "starcoder": "smollm", "llama3": "llama-bpe", "llama-v3": "llama-bpe"}

LIBRARY = {"L": r"\p{L}", "N": r"\p{N}", "S": r"\s", "X": r"\S", "O": r"[^\s\p{L}\p{N}]", "M": r"[^\r\n\p{L}\p{N}]"}
# Most English text is ASCII, and there these are four times as quick.
ASCII = {
    "L": "[A-Za-z]",
    "N": "[0-9]",
    "S": r"[\t-\r ]",
    "X": r"[^\t-\r ]",
    "O": r"[^A-Za-z0-9\t-\r ]",
    "M": r"[^A-Za-z0-9\r\n]",
}


@cache
def _unicode() -> dict[str, str]:
    r"""The classes in the words of Python's ``re``, which has no ``\p{L}``.

    Its ``\w`` is letters, numbers and the underscore; its ``\d`` only the decimal digits. Numbers such as ½ and Ⅷ must
    be listed. Its ``\s`` has four separators (1C to 1F) that Unicode does not call white space.
    """
    numbers = [c for c in range(0x110000) if chr(c).isnumeric() and not chr(c).isdecimal() and not chr(c).isalpha()]
    # Neighbors in Unicode differ from their place in the list by the same amount: one range.
    runs = [[c for _, c in run] for _, run in groupby(enumerate(numbers), lambda item: item[1] - item[0])]
    listed = "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)
    return {
        "L": rf"[^\W\d_{listed}]",
        "N": rf"[\d{listed}]",
        "S": r"[^\S\x1c-\x1f]",
        "X": r"[\S\x1c-\x1f]",
        "O": r"(?:[^\s\w]|[_\x1c-\x1f])",
        "M": r"(?:[^\w\r\n]|_)",
    }


def _spell(expression: str, classes: dict[str, str]) -> str:
    return re.sub(r"<([LNSXOM])>", lambda match: classes[match[1]], expression)


def canonical(rule: str) -> str:
    """The name under which ``RULES`` holds ``rule``. Raises ``ValueError`` for one that is not known."""
    name = ALIASES.get(rule, rule)
    if name not in RULES:
        raise ValueError(
            f"splitting rule {rule!r} is not known, and with another the ids would be wrong without a sign; "
            f"known are {', '.join(sorted({*RULES, *ALIASES}))}."
        )
    return name


def expressions(rule: str) -> tuple[str, ...]:
    """The expressions of ``rule`` as the fast library writes them. Raises ``ValueError`` for an unknown rule."""
    return tuple(_spell(expression, LIBRARY) for expression in RULES[canonical(rule)])


@cache
def _compiled(rule: str, plain: bool) -> tuple[re.Pattern[str], ...]:
    classes = ASCII if plain else _unicode()
    *cuts, cover = (_spell(expression, classes) for expression in RULES[rule])
    return (*(re.compile(f"({cut})") for cut in cuts), re.compile(cover))


def split(text: str, rule: str = "gpt-2") -> list[str]:
    """The pieces of ``text``, which joined give the text again.

    >>> split("Isn't it 1984,  say?")
    ['Isn', "'t", ' it', ' 1984', ',', ' ', ' say', '?']

    Letters and numbers are those of Python's version of Unicode. Raises ``ValueError`` for an unknown rule.

    Source: Radford et al. (2019), section 2.2, and the code published with it. Taught in ``transformers``, section 5.
    """
    *cuts, cover = _compiled(canonical(rule), text.isascii())
    pieces = [text]
    for cut in cuts:
        pieces = [part for piece in pieces for part in cut.split(piece)]
    if len(pieces) == 1:
        return cover.findall(text)
    return [part for piece in pieces for part in cover.findall(piece)]


def cut_special(text: str, special: Collection[str]) -> Iterator[tuple[str, bool]]:
    """``text`` in pieces, each with whether it is one of the ``special`` tokens; the longest wins where two begin."""
    if not special:
        yield text, False
        return
    one = re.compile("(" + "|".join(re.escape(s) for s in sorted(special, key=len, reverse=True)) + ")")
    for number, piece in enumerate(one.split(text)):
        if piece:
            yield piece, number % 2 == 1
