"""Bytes as letters, and the files in which byte-level BPE is published.

``merges.txt`` and ``vocab.json`` are text, and many bytes are no text. GPT-2 therefore writes each byte as a letter:
the printable ones as themselves, the other 68 as the letters from U+0100 on, so that the space is Ġ.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

Merge = tuple[bytes, bytes]


@cache
def letters() -> tuple[str, ...]:
    """The letter of each byte, 0 to 255. Source: the code published with Radford et al. (2019)."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(256, 512))
    return tuple(chr(byte if byte in printable else next(others)) for byte in range(256))


@cache
def _bytes() -> dict[str, int]:
    return {letter: byte for byte, letter in enumerate(letters())}


def alphabet() -> list[bytes]:
    """The 256 single bytes in the order of their letters, which is the order of the first 256 ids of GPT-2."""
    return [bytes([byte]) for byte in sorted(range(256), key=letters().__getitem__)]


def to_letters(token: bytes) -> str:
    """``token`` written in letters."""
    return "".join(map(letters().__getitem__, token))


def from_letters(written: str) -> bytes:
    """The bytes that ``written`` stands for. Raises ``ValueError`` if a character is not such a letter."""
    try:
        return bytes(map(_bytes().__getitem__, written))
    except KeyError as error:
        raise ValueError(f"{written!r} is not a byte-level token: {error.args[0]!r} stands for no byte.") from None


def read_ranks(path: str | Path) -> list[bytes]:
    """The tokens of a ``.tiktoken`` file in the order of their ranks: a line holds a token in base64 and its rank.

    Raises ``ValueError`` if a line is malformed, or the ranks are not 0, 1, 2, … once each.
    """
    tokens: dict[int, bytes] = {}
    for number, line in enumerate(Path(path).read_bytes().splitlines(), start=1):
        try:
            token, rank = line.split()
            tokens[int(rank)] = base64.b64decode(token, validate=True)
        except (ValueError, binascii.Error):
            shown = line[:60].decode("utf-8", "replace")
            raise ValueError(f"{path}, line {number}: {shown!r} is not a token in base64 and a rank.") from None
        if len(tokens) != number:
            raise ValueError(f"{path}, line {number}: rank {int(rank)} is given a second time.")
    if sorted(tokens) != list(range(len(tokens))) or not tokens:
        raise ValueError(f"{path}: the ranks must be 0, 1, 2, … without a gap; there are {len(tokens)}.")
    return [tokens[rank] for rank in range(len(tokens))]


def merges_of(tokens: Sequence[bytes]) -> list[Merge]:
    """The merges behind ``tokens`` that are sorted by rank: a token was made of what lower ranks make of its bytes.

    Raises ``ValueError`` if a single byte is missing, or a token is not made of two of lower rank.
    """
    ranks = {token: rank for rank, token in enumerate(tokens)}
    if missing := [byte for byte in range(256) if bytes([byte]) not in ranks]:
        raise ValueError(f"tokens must hold each single byte; {missing[0]:#04x} is missing.")
    found: list[Merge] = []
    for rank, token in enumerate(tokens):
        parts = [bytes([byte]) for byte in token]
        while len(parts) > 2:
            made = [ranks.get(a + b, rank) for a, b in pairwise(parts)]
            place = made.index(min(made))
            if made[place] >= rank:
                break
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        if len(parts) > 2 or not parts:
            raise ValueError(f"tokens: {token!r} (rank {rank}) is not made of two tokens of lower rank.")
        if len(parts) == 2:
            found.append((parts[0], parts[1]))
    return found


def read_merges(path: str | Path) -> list[Merge]:
    """The merges in ``merges.txt``, in order: a line holds two tokens in letters, with one space between.

    Raises ``ValueError`` with the line if one is malformed.
    """
    found: list[Merge] = []
    for number, line in enumerate(Path(path).read_text("utf-8").split("\n"), start=1):
        if not line.strip("\r") or (number == 1 and line.startswith("#version")):
            continue
        sides = line.strip("\r").split(" ")
        if len(sides) != 2 or not all(sides):
            raise ValueError(f"{path}, line {number}: {line[:60]!r} is not two tokens with one space between.")
        found.append((from_letters(sides[0]), from_letters(sides[1])))
    return found


def read_vocab(path: str | Path) -> dict[str, int]:
    """The tokens in ``vocab.json``, in letters, with their ids.

    Raises ``ValueError`` if the file is no such map, or the ids are not 0, 1, 2, … once each.
    """
    try:
        vocab = json.loads(Path(path).read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}.") from None
    if not isinstance(vocab, dict) or sorted(map(str, vocab.values())) != sorted(map(str, range(len(vocab)))):
        raise ValueError(f"{path} must map tokens to the ids 0, 1, 2, …, each once.")
    return {str(token): int(number) for token, number in vocab.items()}


def write(folder: str | Path, vocab: Mapping[str, int], merges: Sequence[Merge]) -> None:
    """Write ``vocab.json`` and ``merges.txt`` into ``folder``, which is made if it is not there."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    lines = ["#version: 0.2", *(f"{to_letters(a)} {to_letters(b)}" for a, b in merges)]
    (target / "merges.txt").write_text("\n".join(lines) + "\n", "utf-8")
    (target / "vocab.json").write_text(json.dumps(dict(vocab), ensure_ascii=False), "utf-8")
