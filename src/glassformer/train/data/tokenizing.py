"""Tokenize texts once."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from tqdm import tqdm

from glassformer.tokenize import CharTokenizer
from glassformer.train.data.pieces import AnyTokenizer, encoder, pieces
from glassformer.train.data.shards import EMPTY, VERSION, Digest, Writer, dtype_for, open_tokens
from glassformer.train.data.texts import Corpus
from glassformer.train.data.tokens import Tokens


def tokenize(
    corpus: Corpus,
    tokenizer: AnyTokenizer,
    cache: str | Path | None = None,
    separator: int | None = None,
    shard: int = 1 << 27,
) -> Tokens:
    """The tokens of ``corpus``: found in the folder ``cache``, or made and kept there as memory-mapped files.

    They are known by the tokenizer and by the texts (files by path, size and time of change). Several processes may ask
    at once: one works, the others wait. It takes as much memory for large files as for small ones; see ``pieces``. A
    progress bar is shown on terminals. Ctrl-C and a full disk leave nothing behind.

    Args:
        corpus: ``Files`` or ``Texts``.
        tokenizer: adds nothing of its own. A special token that is written out in a text is ordinary text.
        cache: a folder; made if it is not there. Without one the tokens are kept in memory only.
        separator: the id that ends each document, such as ``tokenizer.eos``.
        shard: how many tokens a file holds.

    Raises ``ValueError`` for a text that cannot be read or encoded, naming the place, for texts without a token, and if
    a file changes while it is read. Taught in ``transformers``, section 13.
    """
    if separator is not None and not 0 <= separator < tokenizer.vocab:
        raise ValueError(f"separator must be from 0 to {tokenizer.vocab - 1}, not {separator}.")
    if cache is None:
        return _kept(_encoded(corpus, tokenizer, separator), tokenizer.vocab)
    sources = corpus.sources()
    known = {"tokenizer": fingerprint(tokenizer), "separator": separator, "sources": sources, "files": VERSION}
    name = hashlib.sha256(json.dumps(known | {"shard": shard}).encode()).hexdigest()[:20]
    cache = Path(cache).expanduser()
    if (found := _found(cache / name)) is not None:
        return found
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f".{name}.lock"):
        if (found := _found(cache / name)) is not None:
            return found  # another process has made them meanwhile
        with Writer(cache / name, tokenizer.vocab, shard, known) as writer:
            for ids, ends in _encoded(corpus, tokenizer, separator):
                writer.add(ids)
                if ends:
                    writer.end()
            if corpus.sources() != sources:
                raise ValueError("A file changed while it was tokenized; start again.")
        return open_tokens(cache / name)


def _found(folder: Path) -> Tokens | None:
    try:
        return open_tokens(folder)
    except (FileNotFoundError, ValueError):  # not there yet, or damaged: to be made anew
        return None


def _kept(encoded: Iterator[tuple[list[int], bool]], vocab: int) -> Tokens:
    """In memory what ``Writer`` would have written."""
    documents: list[Any] = [[]]
    for ids, ends in encoded:
        documents[-1].append(np.array(ids, dtype_for(vocab)))
        if ends:
            documents[-1] = np.concatenate(documents[-1])
            documents.append([])
    documents = [document for document in documents if len(document)]
    if not documents:
        raise ValueError(EMPTY)
    row, starts = np.concatenate(documents), np.cumsum([0, *map(len, documents)], dtype="<i8")
    digest = Digest()
    digest.ids.update(row.data)
    digest.starts.update(starts.data)
    return Tokens((row,), starts, 0, len(row), str(digest))


def _encoded(corpus: Corpus, tokenizer: AnyTokenizer, separator: int | None) -> Iterator[tuple[list[int], bool]]:
    """The ids of each piece, and whether its document ends with it. A document without a token gets no separator."""
    encode = encoder(tokenizer)
    some = False
    with tqdm(total=corpus.size, unit="B", unit_scale=True, desc="tokenizing", disable=None, delay=1.0) as bar:
        for piece in pieces(corpus.parts(), tokenizer):
            try:
                ids = encode(piece.text)
            except ValueError as error:
                raise ValueError(f"{piece.place}: {error}") from None
            some = some or bool(ids)
            yield [*ids, separator] if piece.ends and some and separator is not None else ids, piece.ends
            some = some and not piece.ends
            bar.update(piece.read)


def fingerprint(tokenizer: Any) -> str:
    """What a tokenizer is known by: equal fingerprints, equal ids. Raises ``ValueError`` for an unknown kind."""
    if isinstance(tokenizer, CharTokenizer):
        content = "characters:" + tokenizer.characters
    elif hasattr(tokenizer, "core"):
        content = tokenizer.core.to_str()
    else:
        raise ValueError(f"tokenizer must be a Tokenizer or a CharTokenizer, not a {type(tokenizer).__name__}.")
    return hashlib.sha256(content.encode()).hexdigest()
