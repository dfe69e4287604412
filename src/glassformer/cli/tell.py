"""What every command says goes through here."""

import io
import sys


def tell(sentence: str, end: str = "\n") -> None:
    """Print at once, in whatever letters the terminal has."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks √ or − shows a question mark
    print(sentence, end=end, flush=True)
