"""What weights, bias and activation do: one neuron reads e-mails."""

from typing import ClassVar

from glassformer.glass.widgets.base import InteractiveFigure


class Perceptron(InteractiveFigure):
    module: ClassVar[str] = "perceptron"
