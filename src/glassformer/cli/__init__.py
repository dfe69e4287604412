"""The command ``glassformer``: each command calls one function that a notebook could call."""

import argparse
import sys
from collections.abc import Callable, Sequence

from glassformer import __version__
from glassformer.cli import guide, model, train

NEXT = """Glassformer: a guide to transformers that runs.

  glassformer read            open the guide in your browser
  glassformer read nn_intro   open it at a page
  glassformer chat            talk with a real language model in the terminal
  glassformer trace "Hello"   see what happens inside it
  glassformer generate "Once" go on with a text
  glassformer train           train a model on Shakespeare's plays, or as a recipe says
  glassformer models          published models, with their exact sizes and costs
  glassformer get smollm2     fetch a model ahead of time
  glassformer build OUT       export the pages for any static web host
  glassformer check           list the exercises; with one and a file or an answer, check it
  glassformer progress        what you have done, and to export or import it
  glassformer outputs         execute the pages and store what they show (for authors)
  glassformer --help          every option"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status: 0, or 1 after one sentence that says what to do."""
    parser = argparse.ArgumentParser(prog="glassformer", description="A guide to transformers that runs.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    guide.add(commands)
    model.add(commands)
    train.add(commands)
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        print(NEXT)
        return 0
    try:
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError, ModuleNotFoundError) as error:
        if isinstance(error, ModuleNotFoundError):
            error = RuntimeError(
                f"The package {error.name!r} is missing. Install what this needs: pip install 'glassformer[guide]'."
            )
        print(f"glassformer: {error}", file=sys.stderr)
        return 1
