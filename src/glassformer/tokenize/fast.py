"""The tokenizer of a real model: one small class over the ``tokenizers`` library.

It is built from the files a model is published with (``from_file``), from the vocabulary inside a GGUF (``from_gguf``),
from GPT-2's ranks (``from_tiktoken``), from a BPE trained here (``from_bpe``) or from characters (``from_characters``).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from glassformer.tokenize.bpe import BPE
from glassformer.tokenize.char import CharTokenizer
from glassformer.tokenize.chat import ChatTemplate, TemplateError
from glassformer.tokenize.stream import Stream

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Core

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")


class Tokenizer:
    """Text to ids and back, as a published model does it.

    Args:
        core: the library's tokenizer. Truncation and padding that its file asks for are turned off.
        roles: the text of the special token for each role: ``bos``, ``eos``, ``unk``, ``sep``, ``pad``, ``cls``,
            ``mask``, as far as there is one.
        template: the chat template, empty if there is none.

    Raises ``ValueError`` if a role is unknown or its token is not in the vocabulary.

    Taught in ``transformers``, section 5.
    """

    def __init__(self, core: "Core", roles: Mapping[str, str] | None = None, template: str = "") -> None:
        self.core, self.roles = core, dict(roles or {})
        core.no_truncation()
        core.no_padding()
        for role, token in self.roles.items():
            if role not in ROLES:
                raise ValueError(f"roles must be among {', '.join(ROLES)}, not {role!r}.")
            if core.token_to_id(token) is None:
                raise ValueError(f"roles: the {role} token {token!r} is not in the vocabulary.")
        marked = {token.content for token in core.get_added_tokens_decoder().values()}
        core.add_special_tokens([token for token in dict.fromkeys(self.roles.values()) if token not in marked])
        names = {f"{role}_token": token for role, token in self.roles.items()}
        self.template = ChatTemplate(template, names) if template else None
        self._plain: Core | None = None
        self._vocab = max(core.get_vocab().values(), default=-1) + 1

    @classmethod
    def from_file(cls, path: str | Path) -> "Tokenizer":
        """The tokenizer in a model's folder, or in a ``tokenizer.json``; see ``folder.read``.

        Raises ``FileNotFoundError`` if there is none, ``ValueError`` if it is malformed or of a kind not known here.
        """
        from glassformer.tokenize.folder import read

        return cls(*read(Path(path)))

    @classmethod
    def from_gguf(cls, fields: Mapping[str, Any]) -> "Tokenizer":
        """The tokenizer inside a GGUF file, from its metadata; see ``gguf.build``.

        Raises ``ValueError`` if its kind or its splitting rule is not known here, or its parts do not fit together.
        """
        from glassformer.tokenize.gguf import build

        return cls(*build(fields))

    @classmethod
    def from_tiktoken(cls, path: str | Path) -> "Tokenizer":
        """GPT-2's tokenizer from its published ranks; ``<|endoftext|>`` follows the last one.

        Raises ``ValueError`` if the file is malformed.
        """
        return cls.from_bpe(BPE.from_ranks(path))

    @classmethod
    def from_bpe(cls, bpe: BPE) -> "Tokenizer":
        """The same tokenizer as ``bpe``, faster. Its ``<|endoftext|>``, if any, begins and ends texts."""
        from glassformer.tokenize.gguf import byte_level

        end = "<|endoftext|>"
        roles = {"bos": end, "eos": end} if end in bpe.special else {}
        return cls(byte_level(bpe.named(), bpe.merges, bpe.rule, bpe.special), roles)

    @classmethod
    def from_characters(cls, characters: str) -> "Tokenizer":
        """One token a character, with the ids of ``CharTokenizer(characters)``; for a model that is to be published.

        ``encode`` raises ``ValueError`` for a character that is not among them.
        Raises ``ValueError`` if there are none, or one is there twice.
        """
        from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

        if not characters:
            raise ValueError("characters must not be empty.")
        core = Tokenizer(models.WordLevel({c: i for i, c in enumerate(CharTokenizer(characters).characters)}))
        core.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        core.decoder = decoders.Fuse()
        return cls(core)

    @property
    def vocab(self) -> int:
        """The least number of rows that a model's embedding must have: the highest id and one."""
        return self._vocab

    @property
    def bos(self) -> int | None:
        """The id of the token that begins a text, if there is one."""
        return self._role("bos")

    @property
    def eos(self) -> int | None:
        """The id of the token that ends a text, if there is one."""
        return self._role("eos")

    @property
    def pad(self) -> int | None:
        """The id of the token that fills rows up, if there is one."""
        return self._role("pad")

    @property
    def mask(self) -> int | None:
        """The id of the token that hides another, if there is one."""
        return self._role("mask")

    def _role(self, role: str) -> int | None:
        return self.id(self.roles[role]) if role in self.roles else None

    @property
    def special(self) -> dict[str, int]:
        """The special tokens with their ids."""
        added = self.core.get_added_tokens_decoder()
        return {token.content: number for number, token in sorted(added.items()) if token.special}

    def id(self, token: str) -> int:
        """The id of ``token``, written as in the vocabulary. Raises ``ValueError`` if it is not in it."""
        if (number := self.core.token_to_id(token)) is None:
            raise ValueError(f"token {token!r} is not in the vocabulary.")
        return number

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """How the vocabulary writes each of ``ids``, such as ``Ġthe``, ``▁the`` or ``##ing``."""
        return [str(self.core.id_to_token(i)) for i in self._checked(ids)]

    def encode(self, text: str, add_special: bool = True, parse_special: bool = True) -> list[int]:
        """The ids of ``text``.

        With ``add_special`` the tokens that the model expects around a text are added, such as [CLS] and [SEP]. With
        ``parse_special`` a special token written out in ``text`` is that token; without, it is ordinary text, as it
        should be where text comes from others.
        """
        core = self.core if parse_special else self._without_special()
        with self._known([text]):
            ids: list[int] = core.encode(text, add_special_tokens=add_special).ids
        return ids

    @contextmanager
    def _known(self, texts: Sequence[str]) -> Iterator[None]:
        """Say which character of ``texts`` has no token, where the library only says that one has none."""
        try:
            yield
        except Exception as error:
            if "Missing [UNK]" not in str(error):
                raise
            vocab = self.core.get_vocab()
            unknown = next((repr(c) for text in texts for c in text if c not in vocab), "a word")
            raise ValueError(
                f"text holds {unknown}, which is none of the {self.vocab} tokens of the vocabulary."
            ) from None

    def _without_special(self) -> "Core":
        if self._plain is None:  # a copy: the switch belongs to the library's object, which threads may share
            self._plain = type(self.core).from_str(self.core.to_str())
            self._plain.encode_special_tokens = True
        return self._plain

    def pair(self, first: str, second: str) -> tuple[list[int], list[int]]:
        """The ids of two texts in one row, and for each id 0 or 1: the text it belongs to. For BERT and its kin."""
        with self._known([first, second]):
            encoded = self.core.encode(first, second)
        return encoded.ids, encoded.type_ids

    def batch(
        self, texts: Sequence[str], side: Literal["left", "right"] = "right", longest: int | None = None
    ) -> tuple[list[list[int]], list[list[bool]]]:
        """The ids of each text, filled up to one length on ``side``; and which of them are real.

        Filled with ``pad``; a vocabulary without one is filled with ``eos`` or 0, which the second list marks as not
        real. Texts of more than ``longest`` ids are cut at the right, inside the special tokens around them.

        Raises ``ValueError`` if ``side`` is neither, or ``longest`` leaves no room for a token of the text.
        """
        if side not in ("left", "right"):
            raise ValueError(f"side must be 'left' or 'right', not {side!r}.")
        around = self.core.num_special_tokens_to_add(False)
        if longest is not None and longest <= around:
            raise ValueError(f"longest ({longest}) must be more than the {around} special tokens around a text.")
        rows = []
        with self._known(texts):
            batch = self.core.encode_batch(list(texts), add_special_tokens=False)
        for encoded in batch:
            if longest is not None:
                encoded.truncate(longest - around)
            rows.append(self.core.post_process(encoded).ids)
        width = max(map(len, rows), default=0)
        fill = next((i for i in (self.pad, self.eos) if i is not None), 0)
        ids, real = [], []
        for row in rows:
            filling, ones, zeros = [fill] * (width - len(row)), [True] * len(row), [False] * (width - len(row))
            ids.append(filling + row if side == "left" else row + filling)
            real.append(zeros + ones if side == "left" else ones + zeros)
        return ids, real

    def decode(self, ids: Iterable[int], skip_special: bool = False) -> str:
        """The text of ``ids``. Bytes that are no character become �. Raises ``ValueError`` for an id outside."""
        return str(self.core.decode(self._checked(ids), skip_special_tokens=skip_special))

    def _checked(self, ids: Iterable[int]) -> list[int]:
        listed, vocab = [int(i) for i in ids], self.vocab
        if outside := [i for i in listed if not 0 <= i < vocab]:
            raise ValueError(f"ids must be from 0 to {vocab - 1}, not {outside[0]}.")
        return listed

    def stream(self, skip_special: bool = True) -> Stream:
        """A decoder for ids that come one by one, as a model writes them."""
        return Stream(lambda ids: self.decode(ids, skip_special))

    def chat(self, messages: Sequence[Mapping[str, Any]], add_generation_prompt: bool = True) -> str:
        """The conversation ``messages`` (``role`` and ``content`` each) as the text the model was trained on.

        Encode it with ``add_special=False``: the template writes such tokens itself.
        Raises ``TemplateError`` if there is no chat template, or it fails; see ``ChatTemplate``.
        """
        if self.template is None:
            raise TemplateError("This tokenizer has no chat template: its model was not trained for conversations.")
        return self.template(messages, add_generation_prompt)

    def save(self, folder: str | Path) -> None:
        """Write ``tokenizer.json`` and ``tokenizer_config.json``, which ``from_file`` and ``transformers`` read."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        self.core.save(str(target / "tokenizer.json"))
        config: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
        config |= {f"{role}_token": token for role, token in self.roles.items()}
        if self.template is not None:
            config["chat_template"] = self.template.source
        (target / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", "utf-8")
