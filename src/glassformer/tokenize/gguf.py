"""The tokenizer inside a GGUF file, from the file's metadata.

Two kinds are known: ``gpt2``, byte-level BPE, whose splitting rule the file names; and ``llama``, SentencePiece's BPE,
where a score says which merge goes first and bytes stand in for characters that are no token.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from glassformer.tokenize.bytelevel import Merge, from_letters, to_letters
from glassformer.tokenize.split import canonical, expressions

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Core

NORMAL, CONTROL, OWN = 1, 3, 4  # kinds of tokens, as the file numbers them; OWN are whole words that users defined
SPACE = "▁"
ROLES = {
    "bos": "bos",
    "eos": "eos",
    "unk": "unknown",
    "sep": "seperator",  # as GGUF spells it
    "pad": "padding",
    "cls": "cls",
    "mask": "mask",
}


def build(fields: Mapping[str, Any]) -> "tuple[Core, dict[str, str], str]":
    """The library's tokenizer, the roles of special tokens and the chat template that ``fields`` describe.

    Raises ``ValueError`` if the kind or the splitting rule is not known, something is missing, or parts do not fit.
    """
    from tokenizers import AddedToken

    kind = fields.get("tokenizer.ggml.model")
    tokens = [str(token) for token in fields.get("tokenizer.ggml.tokens", ())]
    types = [int(number) for number in fields.get("tokenizer.ggml.token_type", [NORMAL] * len(tokens))]
    if not tokens:
        raise ValueError("The file holds no vocabulary (tokenizer.ggml.tokens).")
    if len(types) != len(tokens):
        raise ValueError(f"tokenizer.ggml.token_type has {len(types)} entries for {len(tokens)} tokens.")
    if len(set(tokens)) != len(tokens):
        twice, times = Counter(tokens).most_common(1)[0]
        raise ValueError(f"tokenizer.ggml.tokens must differ, but {twice!r} is there {times} times.")
    roles = {}
    for role, name in ROLES.items():
        number = fields.get(f"tokenizer.ggml.{name}_token_id")
        if number is not None and not 0 <= number < len(tokens):
            raise ValueError(f"tokenizer.ggml.{name}_token_id ({number}) must be below {len(tokens)}, the vocabulary.")
        if number is not None:
            roles[role] = tokens[number]
    if kind == "gpt2":
        if "tokenizer.ggml.pre" not in fields:
            raise ValueError("The file names no splitting rule (tokenizer.ggml.pre); a guess might give wrong ids.")
        rule = canonical(str(fields["tokenizer.ggml.pre"]))
        core = byte_level({t: i for i, t in enumerate(tokens)}, _merges(fields), rule)
        begins = rule == "llama-bpe"
    elif kind == "llama":
        core, begins = _sentencepiece(tokens, types, fields, roles.get("unk")), True
    else:
        raise ValueError(f"tokenizer.ggml.model is {kind!r}; known are 'gpt2' (byte-level BPE) and 'llama'.")
    for number, token in enumerate(tokens):
        if types[number] == CONTROL:
            core.add_special_tokens([AddedToken(token, normalized=False)])
        elif types[number] == OWN:
            core.add_tokens([AddedToken(token, normalized=False)])
    _around(core, roles, fields, begins)
    return core, roles, str(fields.get("tokenizer.chat_template", ""))


def byte_level(vocab: Mapping[str, int], merges: Sequence[Merge], rule: str, special: Collection[str] = ()) -> "Core":
    """Byte-level BPE in the library, for the splitting rule ``rule``; tokens are written in letters.

    Raises ``ValueError`` if a merge does not fit the vocabulary or ``rule`` is not known.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    written = [(to_letters(left), to_letters(right)) for left, right in merges]
    for left, right in written:
        if not {left, right, left + right} <= vocab.keys():
            raise ValueError(f"merges: {left!r} + {right!r} and what they make must all be in the vocabulary.")
    # Llama 3 looks for the whole word first: some of its tokens are not what its merges would make.
    core = Tokenizer(models.BPE(dict(vocab), written, ignore_merges=canonical(rule) == "llama-bpe"))
    if canonical(rule) == "qwen2":
        core.normalizer = normalizers.NFC()
    cuts = [pre_tokenizers.Split(Regex(cut), "isolated") for cut in expressions(rule)]
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.pre_tokenizer = pre_tokenizers.Sequence([*cuts, to_bytes])
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens(list(special))
    return core


def _merges(fields: Mapping[str, Any]) -> list[Merge]:
    merges = []
    for number, line in enumerate(fields.get("tokenizer.ggml.merges", ())):
        sides = str(line).split(" ")
        if len(sides) != 2:
            raise ValueError(f"tokenizer.ggml.merges: {line!r} (number {number}) is not two tokens with a space.")
        merges.append((from_letters(sides[0]), from_letters(sides[1])))
    if not merges:
        raise ValueError("The file holds no merges (tokenizer.ggml.merges), which byte-level BPE needs.")
    return merges


def _sentencepiece(tokens: Sequence[str], types: Sequence[int], fields: Mapping[str, Any], unk: str | None) -> "Core":
    """SentencePiece's BPE: of all neighbors that make a token, those with the highest score merge first."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    scores = [float(score) for score in fields.get("tokenizer.ggml.scores", ())]
    if len(scores) != len(tokens):
        raise ValueError(f"tokenizer.ggml.scores has {len(scores)} entries for {len(tokens)} tokens.")
    vocab = {token: number for number, token in enumerate(tokens)}
    merges = []
    for number, token in enumerate(tokens):
        if types[number] == NORMAL:
            for cut in range(1, len(token)):
                left, right = token[:cut], token[cut:]
                if left in vocab and right in vocab:
                    # The last four decide between ways to make one token: as the reference converts these files.
                    order = (-scores[number], -len(left), -len(right), number, vocab[left], vocab[right])
                    merges.append((order, (left, right)))
    merges.sort()
    model = models.BPE(vocab, [pair for _, pair in merges], unk_token=unk, fuse_unk=True, byte_fallback=True)
    core = Tokenizer(model)
    prefix = bool(fields.get("tokenizer.ggml.add_space_prefix", True))
    core.normalizer = normalizers.Sequence(
        [*([normalizers.Prepend(SPACE)] if prefix else []), normalizers.Replace(" ", SPACE)]
    )
    core.decoder = decoders.Sequence(
        [
            decoders.Replace(SPACE, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            *([decoders.Strip(" ", 1, 0)] if prefix else []),
        ]
    )
    return core


def _around(core: "Core", roles: Mapping[str, str], fields: Mapping[str, Any], begins: bool) -> None:
    """Have the library put the tokens that begin and end a text around it, as the file asks or its kind does."""
    from tokenizers.processors import TemplateProcessing

    first = fields.get("tokenizer.ggml.add_bos_token", begins and "bos" in roles)
    last = fields.get("tokenizer.ggml.add_eos_token", False)
    if (first and "bos" not in roles) or (last and "eos" not in roles):
        raise ValueError("The file asks for a token around texts (add_bos_token, add_eos_token) and does not name it.")
    before, after = [roles["bos"]] if first else [], [roles["eos"]] if last else []
    if before or after:
        core.post_processor = TemplateProcessing(
            single=[*before, "$A", *after],
            pair=[*before, "$A", *after, *before, "$B:1", *after],
            special_tokens=[(token, core.token_to_id(token)) for token in dict.fromkeys(before + after)],
        )
