"""The trained model that ships with the guide for the task of ``data.number_words``, and how it answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from safetensors.torch import load_file, save_file

from glassformer.data.number_words import BEGIN, END, TOKENS, read, source
from glassformer.generate.decode import collect, generate
from glassformer.models.seq2seq import BahdanauSeq2Seq, Seq2SeqConfig
from glassformer.objectives.seq2seq import batch

CONFIG: Final = Seq2SeqConfig(vocab=len(TOKENS), d_model=32, d_hidden=64)
SHIPPED: Final = Path(__file__).parents[1] / "data" / "models" / "number-words.safetensors"


def save(model: BahdanauSeq2Seq) -> None:
    """Keep the weights as the model that ships, in float16: 0.2 MB."""
    save_file({name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}, SHIPPED)


def number_reader() -> BahdanauSeq2Seq:
    """The trained model: numbers in words to digits, with Bahdanau's attention. Taught in ``rnn_intro``, section 10.7.

    >>> digits(number_reader(), [342_017])
    ['342017']
    """
    model = BahdanauSeq2Seq(CONFIG)
    model.load_state_dict({name: tensor.float() for name, tensor in load_file(SHIPPED).items()})
    return model.eval()


def digits(model: Any, numbers: Sequence[int], most: int = 12) -> list[str]:
    """What ``model`` writes for each of the ``numbers``: the likeliest token each time, ``most`` of them at most."""
    rows = batch([source(number) for number in numbers], [[END]] * len(numbers), start=BEGIN)
    memory = model.encode(rows["source"], mask=rows["source_real"])
    said = collect(generate(model, rows["ids"], max_new=most, memory=memory, stop_ids=[END]))
    return [read(row) for row in said.tolist()]
