"""What a run learns from: a tokenizer, rows for every step, and the validation text."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, cast

from torch import Tensor

from glassformer.checkpoint.fetch import cache_folder
from glassformer.hub import find, tokenizer_of
from glassformer.tokenize.bpe import BPE
from glassformer.tokenize.fast import Tokenizer
from glassformer.train.data import (
    Corpus,
    Files,
    InOrder,
    Mixture,
    Packed,
    Series,
    Source,
    Texts,
    Tokens,
    Windows,
    deduplicate,
    followed,
    last_documents,
    last_share,
    shakespeare,
    tokenize,
)
from glassformer.train.data.windows import Order
from glassformer.train.recipe import DataTable, RecipeError

SMALL: Final = 64 << 20
"""Texts below so many bytes are tokenized anew for each run; larger ones are kept as files."""
ROWS: Final = 64
"""Rows in a batch of validation."""


class Rows(NamedTuple):
    """Rows of tokens, all ``[B, context + 1]``.

    ``real`` is true where a token is to be predicted, ``None``: everywhere. ``text`` numbers the documents that are
    packed into a row, ``None`` where documents are not heeded.
    """

    ids: Tensor
    real: Tensor | None = None
    text: Tensor | None = None


@dataclass
class Materials:
    """A tokenizer, a source of rows, the whole validation text in order, and how many tokens are there to learn."""

    tokenizer: Tokenizer
    source: Source
    packed: bool
    validation: list[Rows]
    tokens: int

    def rows(self, step: int, batch: int) -> Rows:
        """The rows of a step: a function of the seed and the step."""
        if not self.packed:
            return Rows(self.source.rows(step, batch))
        ids, text = self.source.texts(step, batch)
        return Rows(ids, followed(text), text)


def materials(table: DataTable, seed: int, start: str = "", evaluate_rows: int = 0, batch: int = 1) -> Materials:
    """Read, deduplicate, tokenize and split the texts that a recipe names.

    Args:
        table: ``[data]``.
        seed: of the order.
        start: the model that the run goes on from, if any: its tokenizer takes the place of ``characters``.
        evaluate_rows: how many rows of the validation text to use, spread over it; 0 for all.
        batch: how many rows a step takes.

    Raises ``RecipeError`` or ``ValueError`` for texts that cannot be read or are too few, in one sentence.
    """
    sources, apart = _texts(table)
    name = start if start and table.tokenizer == "characters" else table.tokenizer
    tokenizer = _tokenizer(name, [*sources, *([apart] if apart else [])])
    train = [_tokens(one, tokenizer) for one in sources]
    held = [_tokens(apart, tokenizer)] if apart else []
    if apart is None and table.validation:
        pairs = [_split(tokens, table.validation) for tokens in train]
        train, held = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    series = [_series(tokens, table, seed + number) for number, tokens in enumerate(train)]
    weights = table.weights or tuple(float(len(tokens)) for tokens in train)
    if len(weights) != len(series):
        raise RecipeError(f"data.weights must be one for each of the {len(series)} files, not {len(weights)}.")
    source = series[0] if len(series) == 1 else Mixture(list(zip(series, weights, strict=True)), seed)
    for one in series:
        one.check(batch)
    validation = list(_validation(held, table.context, evaluate_rows))
    return Materials(tokenizer, source, table.order == "packed", validation, sum(map(len, train)))


def _texts(table: DataTable) -> tuple[list[Corpus], Corpus | None]:
    """What to learn from, by source; and what is kept apart, if the texts say so themselves."""
    if not table.files:
        train, held = shakespeare()
        return [_without_duplicates(Texts(train), table)], Texts(held)
    if table.weights:
        return [_without_duplicates(Files(file), table) for file in table.files], None
    return [_without_duplicates(Files(list(table.files)), table)], None


def _without_duplicates(corpus: Files | Texts, table: DataTable) -> Corpus:
    if not table.deduplicate:
        return corpus
    documents = list(corpus.documents())
    kept, _ = deduplicate(documents, table.deduplicate)
    return Texts(documents[number] for number in kept)


def _tokenizer(name: str, sources: list[Corpus]) -> Tokenizer:
    """``characters``, ``bpe:SIZE``, or that of a model or a folder."""

    def texts() -> Iterator[str]:
        for source in sources:
            for part in source.parts():
                yield part.text

    if name == "characters":
        characters: set[str] = set()
        for text in texts():
            characters.update(text)
        return Tokenizer.from_characters("".join(sorted(characters)))
    if name.startswith("bpe:"):
        try:
            size = int(name.removeprefix("bpe:"))
        except ValueError:
            raise RecipeError(f"data.tokenizer must be bpe: and a number, such as bpe:1024, not {name!r}.") from None
        return Tokenizer.from_bpe(BPE.train(texts(), size, special=("<|endoftext|>",)))
    found = tokenizer_of(find(name))
    if found is None:
        raise RecipeError(f"data.tokenizer: {name!r} has no tokenizer.")
    return found


def _tokens(corpus: Corpus, tokenizer: Tokenizer) -> Tokens:
    cache: Path | None = cache_folder() / "tokens" if corpus.size > SMALL else None
    return tokenize(corpus, tokenizer, cache, tokenizer.eos)


def _split(tokens: Tokens, share: float) -> tuple[Tokens, Tokens]:
    """Whole documents are kept apart if there are several; of a single one its end."""
    if len(tokens.documents) > 2:
        return last_documents(tokens, share)
    return last_share(tokens, share)


def _series(tokens: Tokens, table: DataTable, seed: int) -> Series:
    if table.order == "packed":
        return Packed(tokens, table.context, seed)
    return Windows(tokens, table.context, seed, cast(Order, table.order))


def _validation(held: list[Tokens], context: int, most: int) -> Iterator[Rows]:
    for tokens in held:
        windows = InOrder(tokens, context)
        rows = len(windows) if not most else min(most, len(windows))
        for first in range(0, rows, ROWS):
            yield Rows(*windows.rows(first, min(first + ROWS, rows)))
