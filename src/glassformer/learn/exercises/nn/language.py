"""Sections 6 and 7: what networks do with language, and hidden states versus layers."""

from typing import Final

from glassformer.learn.exercise import Exercise, Option, Quiz, Words

moved = Quiz(
    id="nn.moved",
    teaches="nn_intro#places-that-do-not-know-each-other",
    options=(
        Option(
            "The same as before: the words are the same.",
            False,
            "They are the same for you. The network has no words, only inputs: “not” at place 4 is another input than "
            "“not” at place 2, and each input has its own weights.",
        ),
        Option(
            "Half of it: it knows the two words, but not that they belong together.",
            False,
            "At places 4 and 5 it knows not even the words: what it learned about them stands in the weights of places "
            "2 and 3.",
        ),
        Option(
            "Nothing: places 4 and 5 have weights of their own.",
            True,
            "The inputs for these words at places 4 and 5 were always 0 in training, so their weights are still what "
            "chance made them. Each place has to learn everything anew.",
        ),
        Option(
            "It refuses the sentence, since it has seen none like it.",
            False,
            "A network refuses nothing: it computes an answer from any numbers. It may even look sure.",
        ),
    ),
)

state_or_layer = Quiz(
    id="nn.state-or-layer",
    teaches="nn_intro#hidden-states-versus-layers",
    options=(
        Option(
            "The weights and biases of its hidden layer.",
            False,
            "Training made them, and training is over. They are the same for every sentence.",
        ),
        Option(
            "Both the weights and the hidden states: it learns from every sentence.",
            False,
            "Reading is not learning. Here no loss is computed and no step is taken, so the weights stay.",
        ),
        Option(
            "Nothing: it is the same network.",
            False,
            "The network is the same, but other inputs give other weighted sums, and so other numbers in every layer.",
        ),
        Option(
            "The hidden states: the numbers that its hidden layer gives for this sentence.",
            True,
            "They are computed anew for each sentence, with weights and biases that stay the same.",
        ),
    ),
)

states_in_words = Words(
    id="nn.states-in-words",
    teaches="nn_intro#hidden-states-versus-layers",
    model="A hidden layer is a part of the network: its weights, its biases and its activation. Training makes it, and "
    "afterward it is the same for every input. A hidden state is the list of numbers that the layer gives for one "
    "input, one number for each of its units. For the next input it is computed anew. If three sentences go through "
    "the network together, there are three hidden states and still one layer.",
    points=(
        "The layer is weights, biases and activation, made by training and the same for every input.",
        "The state is the numbers that the layer gives for one input, computed anew for the next.",
        "A state has one number for each unit of the layer.",
        "Three sentences together have three states and one layer.",
    ),
)

EXERCISES: Final[tuple[Exercise, ...]] = (moved, state_or_layer, states_in_words)
