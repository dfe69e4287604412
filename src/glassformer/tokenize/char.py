"""One token a character: the smallest tokenizer there is."""

from collections.abc import Iterable


class CharTokenizer:
    """A token for each character of ``characters``; a character's place is its id.

    Raises ``ValueError`` if a character is there twice. Taught in ``transformers``, section 5.
    """

    def __init__(self, characters: str) -> None:
        if len(set(characters)) != len(characters):
            twice = next(c for c in characters if characters.count(c) > 1)
            raise ValueError(f"characters must differ, but {twice!r} is there twice.")
        self.characters = characters
        self._ids = {c: number for number, c in enumerate(characters)}

    @classmethod
    def train(cls, texts: str | Iterable[str]) -> "CharTokenizer":
        """A token for each different character of ``texts``, in the order of Unicode.

        Raises ``ValueError`` if ``texts`` is empty.
        """
        found = set(texts) if isinstance(texts, str) else set().union(*texts)
        if not found:
            raise ValueError("texts must not be empty: there are no characters to learn.")
        return cls("".join(sorted(found)))

    @property
    def vocab(self) -> int:
        """How many tokens there are."""
        return len(self.characters)

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``. Raises ``ValueError`` if a character is not in the vocabulary."""
        try:
            return [self._ids[c] for c in text]
        except KeyError as error:
            raise ValueError(
                f"text holds {error.args[0]!r}, which is none of the {self.vocab} characters of the vocabulary."
            ) from None

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``. Raises ``ValueError`` if an id is outside the vocabulary."""
        listed = list(ids)
        if outside := [i for i in listed if not 0 <= i < self.vocab]:
            raise ValueError(f"ids must be from 0 to {self.vocab - 1}, not {outside[0]}.")
        return "".join(map(self.characters.__getitem__, listed))
