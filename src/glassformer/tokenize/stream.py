"""Text while it is made: tokens one by one, characters only when they are whole."""

from collections.abc import Callable, Sequence

BROKEN = "�"  # what decoding puts where bytes are no character, or not yet


class Stream:
    """Decodes ids as they come; what ``push`` and ``end`` give, joined, is the text of all ids.

    A token may end inside a character, which may need three more. So text is held back while it ends with �. Text is
    decoded together with the piece before it, since decoders treat the first token of a text differently.

    Args:
        decode: the text of some ids.

    Taught in ``transformers``, section 5.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []  # the last piece that was given out, and what is held back
        self._given = 0  # how many of them were given out

    def push(self, token: int) -> str:
        """The characters that ``token`` completes; often none."""
        self._ids.append(token)
        return self._take(hold=True)

    def end(self) -> str:
        """What is still held back, with � for a character that was never completed."""
        text = self._take(hold=False)
        self._ids, self._given = [], 0
        return text

    def _take(self, hold: bool) -> str:
        before, after = self._decode(self._ids[: self._given]), self._decode(self._ids)
        if hold and (len(after) <= len(before) or after.endswith(BROKEN)):
            return ""
        self._ids = self._ids[self._given :]
        self._given = len(self._ids)
        return after[len(before) :]
