"""Exercises of the page on the key-value cache."""

from typing import Final

from glassformer.learn.exercise import Exercise, Number, Option, Quiz, Words
from glassformer.learn.exercises.transformers.cache_code import cache_bytes, step

_T, _NEW = 100, 50

reads = Number(
    id="cache.reads",
    teaches="transformers/10-kv-cache#what-is-computed-again-and-again",
    answer=_NEW * _T + _NEW * (_NEW - 1) // 2,
    tolerance=0.5,
    mistakes={
        "That is with a cache: the prompt once, and each new token but the last.": _T + _NEW - 1,
        "The last of the new tokens is not read: the steps read 100, 101, …, 149 tokens.": (
            _NEW * _T + _NEW * (_NEW + 1) // 2
        ),
        "That is the prompt, read 50 times. The new tokens are read again and again as well.": _NEW * _T,
        "That is every step at its full length, 150. The first step reads 100 tokens only.": _NEW * (_T + _NEW),
        "That is every token once. Without a cache each step reads the whole text.": _T + _NEW,
        "Those are the new tokens alone, 0 + 1 + … + 49. Each step reads the prompt, too.": _NEW * (_NEW - 1) // 2,
        "That counts pairs of tokens. Asked for are the tokens that pass through a layer.": (_T + _NEW) ** 2,
    },
)

kept = Quiz(
    id="cache.kept",
    teaches="transformers/10-kv-cache#why-may-keys-and-values-be-kept",
    options=(
        Option(
            "All of it but the fifth token: every key is made from its own token.",
            False,
            "From its own token's vector in that layer. From the second layer on, this vector holds what the token "
            "read from earlier ones, the fifth among them.",
        ),
        Option(
            "That of tokens 1 to 4, in every layer.",
            True,
            "They cannot see the fifth token, so nothing of them changes. All later tokens saw it, directly or through "
            "others. In the first layer their keys would still be right, since no token has looked at another there.",
        ),
        Option(
            "That of tokens 6 to 100: the text there is the same.",
            False,
            "It is the other way round. These tokens saw the fifth one. The tokens before it did not.",
        ),
        Option(
            "Nothing: a cache belongs to one text.",
            False,
            "A cache belongs to a beginning of a text. The first four tokens are the same, and what comes after them "
            "does not change their keys and values.",
        ),
        Option(
            "The values, but not the keys, since the keys are turned by the position.",
            False,
            "The positions are as they were. Keys and values are made from the same vectors, so they are right or "
            "wrong together.",
        ),
    ),
)

_TOKEN: Final = 2 * 32 * 8 * 128 * 2

fits = Number(
    id="cache.fits",
    teaches="transformers/10-kv-cache#how-much-memory-does-it-take",
    answer=8e9 / _TOKEN,
    tolerance=40.0,
    mistakes={
        "You counted the 32 query heads. Keys and values have 8 heads.": 8e9 / (4 * _TOKEN),
        "That is for keys alone: the values take as much again.": 8e9 / (_TOKEN / 2),
        "That is for one layer. There are 32.": 8e9 / (_TOKEN / 32),
        "You took 4 bytes for a number. In bfloat16 there are 2.": 8e9 / (_TOKEN * 2),
        "The weights take 16 GB of the card, so 8 GB are left.": 24e9 / _TOKEN,
        "That is with 2³⁰ bytes for a GB. Here it is 10⁹.": 8 * 2**30 / _TOKEN,
        "The width of a head is missing, 128.": 8e9 / (_TOKEN / 128),
        "The heads are missing, 8.": 8e9 / (_TOKEN / 8),
    },
    unit="tokens",
)

faster = Quiz(
    id="cache.faster",
    teaches="transformers/10-kv-cache#why-is-reading-fast-and-writing-slow",
    options=(
        Option(
            "A GPU with twice the operations per second and the same memory bandwidth.",
            False,
            "One token at a time stands far left on the roofline. The arithmetic already waits for the weights. More "
            "of it waits as well.",
        ),
        Option(
            "Weights in 8 bits instead of 16.",
            True,
            "Each step fetches half as many bytes, and fetching is what it waits for. Whether the answers stay as good "
            "has to be measured.",
        ),
        Option(
            "Answering 16 users at once.",
            False,
            "That makes much more of each fetch of the weights, so the GPU serves more people. This user's answer "
            "comes no faster.",
        ),
        Option(
            "Reading the prompt in chunks.",
            False,
            "Chunks change how the prompt is read. The complaint is about the answer, which comes token by token.",
        ),
        Option(
            "No cache: then each step reads many tokens, which has a higher arithmetic intensity.",
            False,
            "It does, since it does far more arithmetic for the same weights. All the added arithmetic gives what is "
            "known already. A step never gets shorter by it.",
        ),
    ),
)

paging = Words(
    id="cache.paging",
    teaches="transformers/10-kv-cache#how-do-many-texts-share-one-memory",
    model="A server does not know how long an answer will be. If it reserves room for the longest possible one, most "
    "of that room stays empty, so few texts fit at once. With paging, memory is cut into blocks of a few "
    "tokens, and a text gets the next block only when it needs one. A block table says which block comes "
    "where, so the blocks of a text need not lie side by side. At most one block of a text is partly empty. "
    "More texts fit, and all of them share each fetch of the weights, so the server writes more tokens in a "
    "second. Texts with an equal beginning can use the same blocks for it.",
    points=(
        "The length of an answer is not known before, and room for the longest one stays mostly empty.",
        "Memory is given out in small blocks, when they are needed.",
        "A table says which block holds which part of the text: they need not lie side by side.",
        "More texts fit at once, and since they share each fetch of the weights, the server writes more in all.",
        "Equal beginnings can share blocks.",
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (reads, kept, step, cache_bytes, fits, faster, paging)
