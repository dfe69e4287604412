"""Shakespeare's plays as documents: what ``glassformer train`` learns from if nothing else is given."""

from collections.abc import Iterable

from glassformer.data.plays import Play, plays

VALIDATION = ("Twelfth Night", "Macbeth")


def shakespeare(validation: Iterable[str] = VALIDATION) -> tuple[list[str], list[str]]:
    """Training and validation: a document for each play. ``validation`` names the plays that are kept apart whole.

    A document is the passages of a play, what is spoken in them, with an empty line between two and a line end after
    the last. Raises ``ValueError`` for a title that is none, and if no play is left to learn from.
    """
    apart = [validation] if isinstance(validation, str) else list(validation)
    titles = [play.title for play in plays()]
    if unknown := [title for title in apart if title not in titles]:
        raise ValueError(f"validation names {unknown[0]!r}, which is none of {', '.join(titles)}.")
    if set(apart) == set(titles):
        raise ValueError("validation must leave a play to learn from, and it names all of them.")
    return (
        [_document(play) for play in plays() if play.title not in apart],
        [_document(play) for play in plays() if play.title in apart],
    )


def _document(play: Play) -> str:
    return "\n\n".join(play.passages) + "\n"
