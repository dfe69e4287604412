"""Published sizes, one file a family: ``SIZES`` says for each name the configuration and where its weights are."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Size:
    """One published size.

    Attributes:
        config: the configuration of its model; its class says which model that is.
        hub: the name of its weights on the Hugging Face hub, if they are published there.
        note: what one should know before comparing numbers.
        parameters: the exact number of trained parameters of the model with its usual head, a tied one counted once.
    """

    config: Any
    hub: str | None = None
    note: str = ""
    parameters: int | None = None
