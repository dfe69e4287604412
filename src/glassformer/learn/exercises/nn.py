"""The exercises of ``nn_intro.md``."""

import math
import random
from typing import TYPE_CHECKING, Any, Final

from glassformer.learn.exercise import Code, Exercise, Number, Option, Quiz, Words

if TYPE_CHECKING:
    from torch import Tensor

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

_Z: Final = 2 * 0.3 + 0 * 0.8 + 20 * 0.1 - 2

weighted_sum = Number(
    id="nn.weighted-sum",
    teaches="nn_intro#the-weighted-sum-by-hand",
    answer=_Z,
    tolerance=0.005,
    mistakes={
        "The bias is missing: add b = −2 at the end.": _Z + 2,
        "The bias was subtracted. It is −2 and is added, so it makes the sum smaller.": _Z + 4,
        "This e-mail does not have the word free: its second feature is 0, so 0.8 does not count.": _Z + 0.8,
        "That is the neuron's answer, which the next section makes of z. The question is about z, the sum.": 1
        / (1 + math.exp(-_Z)),
        "The features were added up without their weights.": 2 + 0 + 20 - 2,
        "The features were added up, without their weights and without the bias.": 2 + 0 + 20,
    },
)

sigmoid = Number(
    id="nn.sigmoid",
    teaches="nn_intro#from-a-sum-to-an-answer-the-activation",
    answer=100 / (1 + math.exp(-_Z)),
    tolerance=0.5,
    unit="%",
    units={"percent": 1.0},
    mistakes={
        "That is the share. In percent it is a hundred times as much.": 1 / (1 + math.exp(-_Z)),
        "The sign is the wrong way round: it is e to the power of minus z. What you have is how sure the neuron is "
        "that it is no spam.": 100 / (1 + math.exp(_Z)),
        "That is 1 + e⁻ᶻ. Divide 1 by it.": 1 + math.exp(-_Z),
        "That is 1 + e⁻ᶻ, times a hundred. Divide 1 by 1 + e⁻ᶻ first.": 100 * (1 + math.exp(-_Z)),
        "That is e⁻ᶻ. Put it into 1 / (1 + e⁻ᶻ).": math.exp(-_Z),
        "That is e⁻ᶻ, times a hundred. Put e⁻ᶻ into 1 / (1 + e⁻ᶻ) first.": 100 * math.exp(-_Z),
        "That is 1 / e⁻ᶻ: the 1 + is missing.": math.exp(_Z),
        "That is 1 / e⁻ᶻ, times a hundred: the 1 + is missing.": 100 * math.exp(_Z),
        "The sign is the wrong way round, and it is a share, not percent: it is e to the power of minus z.": 1
        / (1 + math.exp(_Z)),
        "That is the step function: a plain yes. The sigmoid says how sure.": 100,
    },
)


def _emails(rng: random.Random) -> "tuple[Tensor, Tensor, Tensor]":
    """Features of 7 e-mails, [7, 5], weights, [5], and a bias, [], in float64."""
    import torch

    draw = torch.Generator().manual_seed(rng.randrange(2**31))
    x, w, b = (torch.randn(shape, generator=draw, dtype=torch.float64) for shape in ((7, 5), (5,), ()))
    return x, w, b


def _bent(z: Any) -> Any:
    return 1 / (1 + (-z).exp())


neuron = Code(
    id="nn.neuron",
    teaches="nn_intro#the-library-s-neuron",
    function="neuron",
    reference=lambda x, w, b: _bent(x @ w + b),
    inputs=_emails,
    mistakes={
        "The bias is missing.": lambda x, w, b: _bent(x @ w),
        "The bias is subtracted. It is added, whatever its sign.": lambda x, w, b: _bent(x @ w - b),
        "That is the weighted sum. The sigmoid is still to come.": lambda x, w, b: x @ w + b,
        "The bias is added after the sigmoid. It belongs to the sum inside it.": lambda x, w, b: _bent(x @ w) + b,
        "The sign inside the sigmoid is the wrong way round: it is e to the power of minus z.": (
            lambda x, w, b: _bent(-(x @ w + b))
        ),
        "That is the step function, a yes or a no. The sigmoid says how sure.": lambda x, w, b: (x @ w + b >= 0) * 1.0,
        "The products are averaged. They are to be added up.": lambda x, w, b: _bent((x * w).mean(-1) + b),
        "The bias is added to every product, so it counts once for each feature. It is added once, to their sum.": (
            lambda x, w, b: _bent((x * w + b).sum(-1))
        ),
        "The products are not added up: there is one number for each feature, and one for each e-mail is wanted.": (
            lambda x, w, b: _bent(x * w + b)
        ),
        "There is one number too many in the shape: it is [emails, 1], and [emails] is wanted.": (
            lambda x, w, b: _bent(x @ w + b)[:, None]
        ),
        "That is softmax: it shares out one whole among the e-mails. The sigmoid looks at each of them alone.": (
            lambda x, w, b: (x @ w + b).softmax(0)
        ),
        "All e-mails are added up into one number. Add up over the features only, the last axis.": (
            lambda x, w, b: _bent((x * w).sum() + b)
        ),
    },
    given=("torch",),
    axes=("e-mail",),
)

bias_shift = Number(
    id="nn.bias-shift",
    teaches="nn_intro#what-weights-bias-and-activation-do",
    answer=-(6 * 0.3 + 1 * 0.8 + 13 * 0.1),
    tolerance=0.005,
    mistakes={
        "The sign is the wrong way round: the products add up to +3.9, and the bias has to bring that down to 0.": 3.9,
        "By so much the bias has to change. It starts at −2: where does it end?": -1.9,
        "By so much the bias has to change, and downward. It starts at −2: where does it end?": 1.9,
        "The bias goes down, not up: from −2 you have to subtract 1.9.": -0.1,
    },
)

doubled = Quiz(
    id="nn.doubled",
    teaches="nn_intro#what-weights-bias-and-activation-do",
    options=(
        Option(
            "The boundary moves twice as far from the origin.",
            False,
            "The distance is |b| / ‖w‖. Both double, so the distance stays.",
        ),
        Option(
            "The boundary stays where it is, and the neuron is surer on both sides of it.",
            True,
            "Where z was 0, two times z is 0 too. Everywhere else z is twice as far from 0, "
            "so σ(z) is closer to 0 or 1.",
        ),
        Option(
            "The boundary turns.",
            False,
            "It would turn if the weights changed in different proportions. Twice w points the same way as w.",
        ),
        Option(
            "Neither the boundary nor the output changes.",
            False,
            "The boundary does not change, but the output does: at z = 1.9 the neuron says 0.87, "
            "at z = 3.8 it says 0.98.",
        ),
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (
    three_names,
    three_names_in_words,
    bag_of_words,
    word_order,
    embedding,
    weighted_sum,
    sigmoid,
    neuron,
    bias_shift,
    doubled,
)
