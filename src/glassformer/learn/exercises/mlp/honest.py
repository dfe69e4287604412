"""Section 7: an honest comparison."""

from typing import Final

from glassformer.learn.exercise import Exercise, Number, Option, Quiz

split = Quiz(
    id="mlp.split",
    teaches="mlp_intro#what-may-leak",
    options=(
        Option(
            "Deal the e-mails at random: 8,000 to learn from, 2,000 for the test.",
            False,
            "Then almost every sender of the test also stands in the training data. The filter can recognize senders.",
        ),
        Option(
            "Deal the senders at random: all e-mails of 1,600 to learn from, those of the other 400 for the test.",
            True,
            "No sender of the test was seen before, as it will be with the new senders.",
        ),
        Option(
            "Test on the training data, since there is more of it.",
            False,
            "A filter that learned its e-mails by heart would be perfect there, and no use for new ones.",
        ),
        Option(
            "Deal the senders, try ten settings, and report the one that is best on the test senders.",
            False,
            "The split is right, but the test now chooses. Choose on a third part, for validation, and test once.",
        ),
    ),
)

false_positives = Number(
    id="mlp.false-positives",
    teaches="mlp_intro#the-result",
    answer=1000 * 0.8 * 0.005,
    tolerance=0.005,
    mistakes={
        "The 0.5 % are of the good e-mails only, and those are 800.": 5,
        "You took 0.5 % of the spam. It is the good e-mails that are meant.": 1,
        "Those are the e-mails in the spam folder that are spam. The question is about good ones.": 180,
        "Those are all e-mails in the spam folder. How many of them are good?": 184,
        "That is 0.5, not 0.5 %: divide by a hundred.": 400,
        "Those are spam that gets through.": 20,
        "Those are all good e-mails. Only 0.5 % of them are stopped.": 800,
    },
)

EXERCISES: Final[tuple[Exercise, ...]] = (split, false_positives)
