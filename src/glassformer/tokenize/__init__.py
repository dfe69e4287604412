"""Text to numbers and back. Readable trainers and encoders, and the fast library beside them.

- To read: ``CharTokenizer``, ``BPE``, ``WordPiece`` and ``Unigram`` with its ``Lattice``. Each has ``train``,
  ``encode``, ``decode`` and ``vocab``, and gives the ids that the library gives.
- For real models: ``Tokenizer``, with chat templates and streaming.

Needs no PyTorch. Taught in ``transformers``, section 5.
"""

from glassformer.tokenize.bpe import BPE
from glassformer.tokenize.char import CharTokenizer
from glassformer.tokenize.chat import ChatTemplate, TemplateError
from glassformer.tokenize.fast import Tokenizer
from glassformer.tokenize.lattice import Lattice
from glassformer.tokenize.split import split
from glassformer.tokenize.unigram import Unigram
from glassformer.tokenize.wordpiece import WordPiece

__all__ = [
    "BPE",
    "CharTokenizer",
    "ChatTemplate",
    "Lattice",
    "TemplateError",
    "Tokenizer",
    "Unigram",
    "WordPiece",
    "split",
]
