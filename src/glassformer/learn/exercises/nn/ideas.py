"""Sections 1 and 2: what artificial intelligence is, and why language is left to deep learning."""

import random
from typing import Final

from glassformer.learn.exercise import Code, Exercise, Option, Quiz, Words

three_names = Quiz(
    id="nn.three-names",
    teaches="nn_intro#what-is-ai-ml-and-deep-learning",
    options=(
        Option(
            "Artificial intelligence of the oldest kind: people wrote the rules.",
            False,
            "People chose what to look at, but nobody wrote down how much each thing counts. "
            "That came from the examples.",
        ),
        Option(
            "Machine learning, but not deep learning.",
            True,
            "People chose the three features. How much each one counts was found from the 50,000 examples.",
        ),
        Option(
            "Deep learning.",
            False,
            "A deep program would also find out for itself what to look at. Here people chose the three things.",
        ),
        Option(
            "None of these: it is statistics.",
            False,
            "It is statistics as well: the names overlap. But a program that finds from examples how much each thing "
            "matters is what this section calls machine learning.",
        ),
    ),
)

three_names_in_words = Words(
    id="nn.three-names-in-words",
    teaches="nn_intro#what-is-ai-ml-and-deep-learning",
    model="In both, the program finds from examples how much each thing counts: deep learning is a part of machine "
    "learning. In machine learning that is not deep, a person first chooses what there is to count: in our example, "
    "how often each letter occurs. In deep learning the program gets the raw letters and finds out what to look at as "
    "well: it came up with pieces of words by itself.",
    points=(
        "Both find their weights from examples.",
        "In machine learning that is not deep, a person chooses the features.",
        "In deep learning, the program finds the features too.",
    ),
)

word_order = Quiz(
    id="nn.word-order",
    teaches="nn_intro#every-word-is-a-feature-the-bag-of-words",
    options=(
        Option(
            "Less than 80 %: a man who bites a dog is stranger news.",
            False,
            "You know that, because you read the words in their order. The program sees how often each word occurs.",
        ),
        Option(
            "Exactly 80 %.",
            True,
            "Both sentences hold the same words equally often, so they are the same list of counts. "
            "The same input gives the same output.",
        ),
        Option(
            "That depends on its weights.",
            False,
            "The weights decide what it says about this list of counts. But both sentences are the same list, so "
            "whatever the weights are, the two answers are equal.",
        ),
        Option(
            "Nothing: it has never seen this sentence.",
            False,
            "It need not have seen the sentence. All it needs is the count of each word, and it knows all three words: "
            "dog, bites, man.",
        ),
    ),
)


def _text_and_vocabulary(rng: random.Random) -> tuple[str, list[str]]:
    """A text with repeated words, unknown words, and words that hide other words; a vocabulary in no special order."""
    vocabulary = ["man", "art", "dog", "party", "the", "he", "bites"]
    rng.shuffle(vocabulary)
    words = [*rng.choices(vocabulary[:5], k=8), "party", "the", "the", "woman", "therefore"]
    rng.shuffle(words)
    return " ".join(words), vocabulary


bag_of_words = Code(
    id="nn.bag-of-words",
    teaches="nn_intro#every-word-is-a-feature-the-bag-of-words",
    function="count_words",
    reference=lambda text, vocabulary: [text.split().count(word) for word in vocabulary],
    inputs=_text_and_vocabulary,
    mistakes={
        "Each word is marked as there or not there, 1 at most. A bag counts: a word that comes twice gives 2.": (
            lambda text, vocabulary: [int(word in text.split()) for word in vocabulary]
        ),
        "Pieces of longer words are counted too: text.count finds the word art in party. Split the text into words "
        "first.": lambda text, vocabulary: [text.count(word) for word in vocabulary],
        "There is one number for each word of the text. There must be one for each word of the vocabulary.": (
            lambda text, vocabulary: [text.split().count(word) for word in text.split()]
        ),
        "The counts stand in the order of the text. They must stand in the order of the vocabulary, or two texts "
        "cannot be compared.": lambda text, vocabulary: [
            text.split().count(word) for word in dict.fromkeys(text.split()) if word in vocabulary
        ],
        "Words that do not occur are left out. They keep their place, with a 0.": (
            lambda text, vocabulary: [text.split().count(word) for word in vocabulary if word in text.split()]
        ),
        "The return stands inside the loop, so the function ends after the first word. Move it to the left.": (
            lambda text, vocabulary: text.split().count(vocabulary[0])
        ),
        "That is the answer to the example. Compute it from text and vocabulary.": lambda text, vocabulary: [2, 0, 2],
        "You count the whole vocabulary as if it were one word. Count one word at a time, in a loop.": (
            lambda text, vocabulary: text.split().count(vocabulary)
        ),
        "The roles are swapped: each word of the text was counted in the vocabulary.": (
            lambda text, vocabulary: [vocabulary.count(word) for word in text.split()]
        ),
        "These are texts, not numbers. Leave str away.": (
            lambda text, vocabulary: [str(text.split().count(word)) for word in vocabulary]
        ),
        "You divided by the number of words. A bag holds counts, not shares.": (
            lambda text, vocabulary: [text.split().count(word) / len(text.split()) for word in vocabulary]
        ),
    },
    axes=("word",),
)

embedding = Quiz(
    id="nn.embedding",
    teaches="nn_intro#what-is-still-missing",
    options=(
        Option(
            "It makes the lists of numbers shorter, and that is all.",
            False,
            "They are shorter, but that is not the point: similar words now lie close together. In a bag, any two "
            "words are equally far apart.",
        ),
        Option(
            "Similar words get similar numbers. If the vectors of a sentence are averaged, the order is still lost.",
            True,
            "What is learned about one word helps with its neighbors. But an average does not know what came first.",
        ),
        Option(
            "Similar words get similar numbers, and so the order of the words counts as well.",
            False,
            "The average of the vectors is the same in whatever order you add them up: the order is still lost.",
        ),
        Option(
            "Each word gets the meaning that it has in its sentence.",
            False,
            "It gets one vector for all sentences: the bank of a river and a bank with money have the same. That is "
            "what attention will mend, much later.",
        ),
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (three_names, three_names_in_words, bag_of_words, word_order, embedding)
