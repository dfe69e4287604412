"""The tokenizer in a model's folder, from the files it is published with.

``tokenizer.json`` is the whole tokenizer. Older folders hold its parts: ``vocab.json`` and ``merges.txt`` for GPT-2,
RoBERTa and BART, ``vocab.txt`` for BERT and ELECTRA; what else they need to know stood in the code of their time.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassformer.tokenize.bytelevel import read_merges, read_vocab, to_letters
from glassformer.tokenize.gguf import byte_level

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Core

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
# The special tokens of folders that do not name them, the first that fits: GPT-2, BERT and ELECTRA, RoBERTa and BART.
USUAL = (
    {"bos": "<|endoftext|>", "eos": "<|endoftext|>", "unk": "<|endoftext|>"},
    {"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]"},
    {
        "bos": "<s>",
        "eos": "</s>",
        "unk": "<unk>",
        "sep": "</s>",
        "pad": "<pad>",
        "cls": "<s>",
        "mask": "<mask>",
    },
)
RULES = {"": "gpt-2", "GPT2": "gpt-2", "Roberta": "gpt-2", "Bart": "gpt-2", "Qwen2": "qwen2"}


def read(path: Path) -> "tuple[Core, dict[str, str], str]":
    """The library's tokenizer, the roles of special tokens and the chat template in the folder ``path``.

    Raises ``FileNotFoundError`` if there is no tokenizer, ``ValueError`` if it is malformed or of an unknown kind.
    """
    folder = path if path.is_dir() else path.parent
    config = {**_json(folder / "special_tokens_map.json"), **_json(folder / "tokenizer_config.json")}
    whole = folder / "tokenizer.json" if path.is_dir() else path
    if whole.is_file():
        core = _whole(whole)
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        core = _bytes(folder, config)
    elif (folder / "vocab.txt").is_file():
        core = _words(folder / "vocab.txt", config)
    else:
        raise _nothing(path, folder)
    _added(core, folder, config)
    return core, _roles(core, config), _template(folder, config)


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} must hold a JSON object, not a {type(found).__name__}.")
    return found


def _nothing(path: Path, folder: Path) -> Exception:
    for name in ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model"):
        if (folder / name).is_file():
            return ValueError(
                f"{folder} holds its tokenizer only as {name}, in SentencePiece's own format. With `transformers` and "
                f"`sentencepiece` installed, AutoTokenizer.from_pretrained(folder).save_pretrained(folder) adds the "
                f"tokenizer.json that is read here."
            )
    return FileNotFoundError(
        f"{path} holds no tokenizer: neither tokenizer.json, nor vocab.json with merges.txt, nor vocab.txt."
    )


def _whole(path: Path) -> "Core":
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no narrower one
        raise ValueError(f"{path} is not a tokenizer that the library can read: {error}.") from None


def _bytes(folder: Path, config: Mapping[str, Any]) -> "Core":
    from tokenizers import pre_tokenizers, processors

    name = str(config.get("tokenizer_class") or "").removesuffix("Fast").removesuffix("Tokenizer")
    if name not in RULES:
        raise ValueError(
            f"{folder} has no tokenizer.json, and how {name}Tokenizer splits a text is not known here; "
            f"known are {', '.join(n for n in RULES if n)}."
        )
    vocab = read_vocab(folder / "vocab.json")
    if to_letters(b" ") not in vocab:
        raise ValueError(f"{folder / 'vocab.json'} is no byte-level vocabulary: it lacks Ġ, the space.")
    core = byte_level(vocab, read_merges(folder / "merges.txt"), RULES[name])
    prefix = bool(config.get("add_prefix_space", False))
    if prefix:
        to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=True)
        core.pre_tokenizer = to_bytes
    if {"<s>", "</s>"} <= vocab.keys():
        core.post_processor = processors.RobertaProcessing(
            ("</s>", vocab["</s>"]), ("<s>", vocab["<s>"]), add_prefix_space=prefix
        )
    return core


def _words(path: Path, config: Mapping[str, Any]) -> "Core":
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    tokens = [line.rstrip("\r") for line in path.read_text("utf-8").split("\n")]
    while tokens and not tokens[-1]:
        tokens.pop()
    vocab = {token: number for number, token in enumerate(tokens)}
    if missing := [token for token in USUAL[1].values() if token not in vocab and token != "[MASK]"]:
        raise ValueError(f"{path} is no vocabulary of BERT's kind: it lacks {missing[0]}.")
    core = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(
        lowercase=bool(config.get("do_lower_case", True)),
        strip_accents=config.get("strip_accents"),
        handle_chinese_chars=bool(config.get("tokenize_chinese_chars", True)),
    )
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.BertProcessing(("[SEP]", vocab["[SEP]"]), ("[CLS]", vocab["[CLS]"]))
    core.decoder = decoders.WordPiece()
    return core


def _added(core: "Core", folder: Path, config: Mapping[str, Any]) -> None:
    """The tokens that were added to a vocabulary later; with a ``tokenizer.json`` they are in there already."""
    from tokenizers import AddedToken

    listed = {int(number): dict(entry) for number, entry in config.get("added_tokens_decoder", {}).items()}
    for content, number in _json(folder / "added_tokens.json").items():
        listed.setdefault(int(number), {"content": content})
    marked = core.get_added_tokens_decoder()
    for number, entry in sorted(listed.items()):
        if number in marked:
            continue
        flags = {k: bool(entry[k]) for k in ("single_word", "lstrip", "rstrip", "normalized", "special") if k in entry}
        token = AddedToken(str(entry.get("content", "")), **flags)
        (core.add_special_tokens if token.special else core.add_tokens)([token])
        if core.token_to_id(token.content) != number:
            raise ValueError(
                f"{folder}: the added token {token.content!r} should have id {number}, but the vocabulary gives it "
                f"{core.token_to_id(token.content)}."
            )


def _roles(core: "Core", config: Mapping[str, Any]) -> dict[str, str]:
    roles = {}
    for role in ROLES:
        token = config.get(f"{role}_token")
        token = token.get("content") if isinstance(token, dict) else token
        # A folder may name a padding token that its vocabulary lacks; without those for a text's ends nothing works.
        if token and (role in ("bos", "eos") or core.token_to_id(token) is not None):
            roles[role] = str(token)
    if roles:
        return roles
    return next((dict(usual) for usual in USUAL if all(core.token_to_id(t) is not None for t in usual.values())), {})


def _template(folder: Path, config: Mapping[str, Any]) -> str:
    if (path := folder / "chat_template.jinja").is_file():
        return path.read_text("utf-8")
    template = config.get("chat_template") or ""
    if isinstance(template, list):
        named = {str(entry.get("name")): str(entry.get("template")) for entry in template}
        template = named.get("default") or next(iter(named.values()), "")
    return str(template)
