"""Exercises of the page on tokens."""

from typing import Final

from glassformer.learn.exercise import Exercise, Number, Option, Quiz, Words
from glassformer.learn.exercises.transformers.tokens_code import encode, train_step, viterbi

by_hand = Number(
    id="tokens.by-hand",
    teaches="transformers/05-tokens#byte-pair-encoding",
    answer=4,
    tolerance=0.4,
    mistakes={
        "Those are the letters. The merges l + o, lo + w and s + t shorten the word.": 7,
        "Only one merge is applied. All that fit are applied, one after the other.": 6,
        "Two merges are applied. The third one, s + t, fits at the end of the word.": 5,
        "A merge joins just these two pieces. s + low and e + st are not among the first three merges.": 2,
        "low is made by two merges, and st by the third. What is left of slowest? The s and the e.": 3,
    },
)

vocabulary = Number(
    id="tokens.vocabulary",
    teaches="transformers/05-tokens#bytes-nothing-is-unknown",
    answer=2259,
    tolerance=0.4,
    mistakes={
        "The 256 bytes are missing: each is a token of its own.": 2003,
        "The special tokens are missing. They have ids too.": 2256,
        "Those are the merges alone. Each makes one token, and there were tokens before.": 2000,
        "That is the highest id. Ids begin at 0, so there is one more.": 2258,
        "A merge makes one new token, and the two that it joins stay. Nothing is taken away.": 1744 + 3,
    },
)

letters = Quiz(
    id="tokens.letters",
    teaches="transformers/05-tokens#why-not-words-or-characters",
    options=(
        Option(
            "The letters, one after the other.",
            False,
            "A character tokenizer would do that. Here whole pieces get one number each, and no letter is "
            "visible in it.",
        ),
        Option(
            "A few ids, one for each piece. What letters a piece has, the model must have learned from texts.",
            True,
            "An id is a row number, as in a table. Two ids with nearly the same letters are as different as any "
            "two. So "
            "questions about letters are hard for a model, although they are easy for you.",
        ),
        Option(
            "The word and what it means, from a dictionary.",
            False,
            "There is no dictionary. Meaning begins one stage later, with a vector for each id, and the vector "
            "is learned.",
        ),
        Option(
            "One id for the word, whatever the word is.",
            False,
            "Words are too many for that. A rare word is cut into several pieces.",
        ),
    ),
)

space = Quiz(
    id="tokens.trailing-space",
    teaches="transformers/05-tokens#what-could-go-wrong",
    options=(
        Option(
            "The model cannot read spaces.",
            False,
            "A space is a byte like any other, and has an id of its own.",
        ),
        Option(
            "The prompt is one token longer, so there is less room for the answer.",
            False,
            "It is one token longer, but that is not why the answer becomes worse.",
        ),
        Option(
            "In texts the space belongs to the token of the next word. After a token for a lone space, tokens "
            "that begin "
            "with a space no longer fit.",
            True,
            "The expected token is space and word in one. A lone space before a word is a row of tokens that "
            "the model has "
            "hardly ever seen.",
        ),
        Option(
            "The tokenizer removes the last space without saying so.",
            False,
            "Byte-level BPE removes nothing. The lone space becomes a token, and that is the problem.",
        ),
    ),
)


in_words = Words(
    id="tokens.in-words",
    teaches="transformers/05-tokens#a-real-vocabulary",
    model="A list of words never ends: names and new words are always missing, and related words share nothing. "
    "Characters "
    "are few and none is missing, but texts become long, and a model pays for length. So pieces are learned "
    "from a text: "
    "frequent words stay whole and rare ones are cut. What was rare in that text, such as another language, is "
    "cut into "
    "many pieces and costs more.",
    points=(
        "A list of words is never complete.",
        "Single characters make texts long, and length costs computation.",
        "Frequent words become one token, rare ones several.",
        "The pieces come from a training text, so other languages or scripts cost more tokens.",
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (letters, by_hand, train_step, encode, viterbi, vocabulary, in_words, space)
