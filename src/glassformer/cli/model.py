"""The commands about models: models, get, generate, chat, trace."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassformer.cli.tell import tell

if TYPE_CHECKING:
    from glassformer.generate.sampling import Sampling
    from glassformer.hub import Loaded


def add(commands: Any) -> None:
    """Add these commands to the parser."""
    models = commands.add_parser("models", help="published models, with their exact sizes and costs")
    models.add_argument("pattern", nargs="?", default="", help="show only names with this in them, such as llama")
    models.add_argument("--json", action="store_true", help="for machines")
    models.set_defaults(run=_models)
    get = commands.add_parser("get", help="fetch models and data ahead of time")
    get.add_argument("names", nargs="+", metavar="NAME", help="smollm2, minilm, spamassassin, or a Hugging Face name")
    get.set_defaults(run=_get)
    generate = commands.add_parser("generate", help="go on with a text")
    generate.add_argument("text", help="the beginning")
    _model_options(generate)
    generate.add_argument("--stop", action="append", default=[], metavar="TEXT", help="stop before this text")
    generate.set_defaults(run=_generate)
    chat = commands.add_parser("chat", help="talk with a real language model in the terminal")
    _model_options(chat)
    chat.add_argument("--system", default="", help="what the model is told about its role")
    chat.set_defaults(run=_chat)
    trace = commands.add_parser("trace", help="see what happens inside a model")
    trace.add_argument("text", help="the text to read")
    trace.add_argument("--model", default="smollm2", help="a name or a folder (default: smollm2)")
    trace.add_argument("--page", type=Path, metavar="FILE", help="write a page with the explorer, to open in a browser")
    trace.set_defaults(run=_trace)


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="smollm2", help="a name or a folder (default: smollm2)")
    parser.add_argument("--max-new", type=int, default=256, help="at most so many new tokens (default: 256)")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 takes the likeliest token (default)")
    parser.add_argument("--top-k", type=int, help="choose among the k likeliest tokens")
    parser.add_argument("--top-p", type=float, help="choose among the likeliest tokens that reach p together")
    parser.add_argument("--min-p", type=float, help="leave out tokens below p times the likeliest one's probability")
    parser.add_argument("--repetition-penalty", type=float, default=1.0, help="make tokens that came less likely")
    parser.add_argument("--seed", type=int, help="the same choices again")
    parser.add_argument("--compile", action="store_true", help="write about twice as fast, after half a minute")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"], help="of the weights")


def _models(options: argparse.Namespace) -> int:
    from glassformer.catalog import catalog, table

    rows = list(catalog(options.pattern))
    if not rows:
        raise ValueError(f"No published model has {options.pattern!r} in its name. See: glassformer models")
    tell(json.dumps([row.as_dict() for row in rows], indent=1) if options.json else table(rows))
    return 0


def _get(options: argparse.Namespace) -> int:
    from glassformer.hub import get

    for name in options.names:
        tell(f"{name} is in {get(name)}")
    return 0


def _loaded(options: argparse.Namespace, *, writes: bool = True) -> "Loaded":
    """The model that ``--model`` names. Raises ``ValueError`` if it has no tokenizer, or cannot go on with a text."""
    import torch

    from glassformer.hub import load
    from glassformer.models.trunk import Decoder

    loaded = load(options.model, dtype=getattr(torch, getattr(options, "dtype", "float32")))
    if loaded.tokenizer is None:
        raise ValueError(f"{options.model!r} has no tokenizer, so it cannot read text.")
    if writes and not isinstance(loaded.model, Decoder):
        raise ValueError(
            f"{options.model!r} must be a decoder to go on with a text, not {type(loaded.model).__name__}."
        )
    return loaded


def _sampling(options: argparse.Namespace) -> "Sampling":
    from glassformer.generate.sampling import Sampling

    return Sampling(
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        min_p=options.min_p,
        repetition_penalty=options.repetition_penalty,
    )


def _generator(seed: int | None) -> Any:
    import torch

    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator


def _generate(options: argparse.Namespace) -> int:
    from glassformer.generate.text import Statistics, stream

    sampling, loaded, statistics = _sampling(options), _loaded(options), Statistics()
    tell(options.text, end="")
    for piece in stream(
        loaded.model,
        loaded.tokenizer,  # type: ignore[arg-type]
        options.text,
        max_new=options.max_new,
        sampling=sampling,
        stop=options.stop,
        generator=_generator(options.seed),
        step=_step(options, loaded),
        statistics=statistics,
    ):
        tell(piece, end="")
    tell(f"\n\n[{_rates(statistics)}]")
    return 0


def _step(options: argparse.Namespace, loaded: "Loaded") -> Any:
    """Make the model fast for writing; a compiled step, if asked for."""
    from glassformer.adapt.decoding import compiled, for_decoding

    for_decoding(loaded.model)
    return compiled(loaded.model) if options.compile else None


def _rates(statistics: Any) -> str:
    return (
        f"{statistics.prompt_tokens} tokens read at {statistics.prompt_rate:.0f} a second, "
        f"{statistics.new_tokens} written at {statistics.new_rate:.0f} a second"
    )


def _chat(options: argparse.Namespace) -> int:
    from glassformer.generate.chat import Chat

    sampling, loaded = _sampling(options), _loaded(options)
    assert loaded.tokenizer is not None
    step = _step(options, loaded)
    loaded.tokenizer.chat([{"role": "user", "content": "?"}])  # says now if there is no template
    chat = Chat(loaded.model, loaded.tokenizer, system=options.system or None, room=2048, step=step)
    tell(f"{options.model}: {loaded.about.parameters / 1e6:.0f} million parameters. An empty line or Ctrl-D ends.")
    while True:
        try:
            said = input("\nyou> ").strip()
        except EOFError:
            tell("")
            return 0
        if not said:
            return 0
        tell("\nmodel> ", end="")
        try:
            for piece in chat.say(said, options.max_new, sampling, _generator(options.seed)):
                tell(piece, end="")
        except KeyboardInterrupt:
            tell(" …", end="")
        except ValueError as error:  # the room is full: what was said can still be read above
            tell(f"{error} Start a new conversation, or ask for a smaller --max-new.")
            continue
        tell(f"\n[{_rates(chat.statistics)}]")


def _trace(options: argparse.Namespace) -> int:
    from glassformer.glass.terminal import flow
    from glassformer.glass.trace import trace

    loaded = _loaded(options, writes=False)
    seen = flow(trace(loaded.model, options.text, tokenizer=loaded.tokenizer))
    tell(seen)
    if options.page:
        from glassformer.glass.page import page
        from glassformer.glass.widgets.explorer import explorer

        title = f"{options.model} reads: {options.text}"
        figure = explorer(loaded.model, loaded.tokenizer, options.text)
        tell(f"The page is {page(figure, options.page, title=title, flow=seen)}. Open it in a browser.")
    return 0
