"""Three briefs of the page on variants: choose an architecture."""

from typing import Final

from glassformer.learn.exercise import Option, Quiz, Words

too_good = Words(
    id="variants.too-good",
    teaches="transformers/08-variants#what-could-go-wrong",
    model="The model sees what it must predict: the causal mask is missing, or the targets are not moved by one place. "
    "I check that changing a later token leaves the logits of earlier ones as they are, and compare the loss "
    "with the best that is possible on random tokens.",
    points=(
        "The answer is visible: a mask is missing or the targets are in the wrong place.",
        "A test: change a later token, and no earlier logit may change; or train on random tokens.",
        "In use the next token is not there, so the low loss is worth nothing.",
    ),
)

_PLACE: Final = "transformers/08-variants#which-one-for-what"

search = Quiz(
    id="variants.brief-search",
    teaches=_PLACE,
    options=(
        Option(
            "A decoder that is given the new ticket and an old one, and says how similar they are.",
            False,
            "Twenty million passes for each new ticket. Even at a millisecond each that is more than five hours.",
        ),
        Option(
            "A small encoder that makes one vector of each ticket; the nearest vectors are looked up.",
            True,
            "The old tickets are read once, before anybody asks. A new one takes one pass, in which each token sees "
            "both sides, and then a search among vectors.",
        ),
        Option(
            "An encoder-decoder that writes the number of the most similar ticket.",
            False,
            "It would have to learn twenty million numbers by heart, and again for each new ticket. It also gives one, "
            "not the nearest five.",
        ),
        Option(
            "A mixture of experts, since it knows more for the same operations.",
            False,
            "All experts lie in the memory of the one small card, and nothing here needs what they would store.",
        ),
    ),
)

assistant = Quiz(
    id="variants.brief-assistant",
    teaches=_PLACE,
    options=(
        Option(
            "An encoder: it sees the whole manual, both ways.",
            False,
            "It gives a vector for each token and has no next token. It can find the passage, but not answer in words.",
        ),
        Option(
            "A decoder like LLaMA 3 8B in which all 32 heads have keys and values of their own.",
            False,
            "The cache is 512 KiB a token: for 40 times 8,000 tokens 156 GiB. The card has 80 GB, and the weights are "
            "on it, too.",
        ),
        Option(
            "A decoder like LLaMA 3 8B with 8 heads of keys and values for 32 heads.",
            True,
            "The cache is 128 KiB a token: 39 GiB for 40 times 8,000. With 15 GiB of weights in bfloat16 it fits.",
        ),
        Option(
            "A decoder without a cache, which reads the manual again for each new word.",
            False,
            "It saves the memory and pays with 8,000 tokens of computation for each word, for each of forty people.",
        ),
    ),
)

card = Quiz(
    id="variants.brief-card",
    teaches=_PLACE,
    options=(
        Option(
            "Agreed: what is not active need not be on the card.",
            False,
            "Which experts are active is decided anew for each token and in each layer. Over a sentence "
            "nearly all are, "
            "and to fetch them each time from another place is slow.",
        ),
        Option(
            "All 46.7 billion must be on the card: 23.4 GB in 4 bits, and nothing is left for the rest. Take a dense "
            "model that fits.",
            True,
            "A mixture saves operations, not memory. With one user and little memory, a dense model of 8 to 14 billion "
            "parameters leaves room for the cache.",
        ),
        Option(
            "Take it with one expert for each token instead of two: that halves the memory.",
            False,
            "It changes what is computed, and nothing about what must be there. And the model was trained with two.",
        ),
        Option(
            "Take an encoder instead: it needs no cache.",
            False,
            "It cannot write an answer.",
        ),
    ),
)

BRIEFS: Final = (search, assistant, card)
