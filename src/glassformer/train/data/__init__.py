"""Data for training: texts, tokenized once, and from them the rows of every step.

- ``Files`` and ``Texts`` are documents; ``tokenize`` makes ``Tokens`` of them, in memory or in memory-mapped files.
- A source makes rows: ``Windows`` (stretches of ``context`` + 1 tokens), ``Packed`` (whole documents), ``Mixture``
  (several sources by weight, which a curriculum may change) and ``Growing`` (short rows first). ``InOrder`` is for
  validation: it scores every token once.
- ``last_share``, ``last_documents`` and ``some_documents`` keep text apart for validation; ``deduplicate`` finds what
  is there twice; ``shakespeare`` gives the plays.

**Every source has** ``rows(step, batch)``, **a function of the seed and the step and of nothing else.** So the exact
position of a run in its data is the number of its step: there is no state to save, nothing to wind forward when a run
goes on, and each of several processes makes the same batch and takes its share of the rows.
"""

from glassformer.train.data.deduplicate import Duplicate, deduplicate
from glassformer.train.data.files import Files
from glassformer.train.data.growing import Growing
from glassformer.train.data.in_order import InOrder
from glassformer.train.data.mixture import Mixture
from glassformer.train.data.packed import Packed
from glassformer.train.data.shakespeare import shakespeare
from glassformer.train.data.shards import open_tokens
from glassformer.train.data.source import Series, Source, followed
from glassformer.train.data.split import last_documents, last_share, some_documents
from glassformer.train.data.texts import Corpus, Texts
from glassformer.train.data.tokenizing import fingerprint, tokenize
from glassformer.train.data.tokens import Tokens
from glassformer.train.data.windows import Windows

__all__ = [
    "Corpus",
    "Duplicate",
    "Files",
    "Growing",
    "InOrder",
    "Mixture",
    "Packed",
    "Series",
    "Source",
    "Texts",
    "Tokens",
    "Windows",
    "deduplicate",
    "fingerprint",
    "followed",
    "last_documents",
    "last_share",
    "open_tokens",
    "shakespeare",
    "some_documents",
    "tokenize",
]
