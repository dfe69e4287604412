"""Checkpoints on the Hugging Face hub: what is taken from a repository, and what is refused."""

import contextlib
from pathlib import Path

from glassformer.checkpoint import CheckpointError
from glassformer.checkpoint.files import INDEX, PICKLES, SHARD, SINGLE, refusal


def huggingface(name: str, revision: str | None = None) -> Path:
    """Fetch a model of the Hugging Face hub, such as ``"openai-community/gpt2"``, and return its folder.

    Only safetensors and the text files beside them are fetched, into the hub's own cache; what is there already is not
    fetched again, and serves alone when the hub cannot be reached. Needs ``huggingface_hub``.
    Raises ``CheckpointError`` if the model is unknown, asks for consent, has only pickled weights, or is out of reach.
    """
    import huggingface_hub
    from huggingface_hub import errors

    try:
        info = huggingface_hub.model_info(name, revision=revision)
    except errors.HFValidationError as error:
        raise CheckpointError(f"{name!r} is neither a folder nor a name that the hub could know ({error}).") from error
    except errors.GatedRepoError as error:
        raise CheckpointError(_gated(name)) from error
    except errors.RevisionNotFoundError as error:
        raise CheckpointError(f"{name} on the hub has no revision {revision!r}.") from error
    except errors.RepositoryNotFoundError as error:
        raise CheckpointError(
            f"The hub knows no model {name!r}, or it is private: check the name, or run `hf auth login`."
        ) from error
    except Exception as error:  # the hub's client changes its HTTP library, and so the class of a failed connection
        with contextlib.suppress(errors.LocalEntryNotFoundError):
            return Path(huggingface_hub.snapshot_download(name, revision=revision, local_files_only=True))
        raise CheckpointError(
            f"{name} is not on this machine, and the hub cannot be reached ({type(error).__name__}: {error}). Connect "
            "and try again, or load a folder."
        ) from error
    wanted = _wanted(name, [file.rfilename for file in info.siblings or []])
    try:
        return Path(huggingface_hub.snapshot_download(name, revision=info.sha or revision, allow_patterns=wanted))
    except errors.GatedRepoError as error:  # the list of a gated model's files may be public
        raise CheckpointError(_gated(name)) from error
    except Exception as error:
        raise CheckpointError(
            f"{name} could not be fetched to the end ({type(error).__name__}: {error}). Run it again: it "
            "goes on where it stopped."
        ) from error


def _gated(name: str) -> str:
    return (
        f"{name} is given only to those who accepted its terms: do so at https://huggingface.co/{name}, then run "
        "`hf auth login`."
    )


def _wanted(name: str, files: list[str]) -> list[str]:
    """The files to fetch: the weights at the top of the repository, and its small texts."""
    top = [file for file in files if "/" not in file]
    weights = [file for file in top if file.endswith(".safetensors")]
    if SINGLE in weights:
        weights = [SINGLE]
    elif INDEX in top:
        weights = [file for file in weights if SHARD.fullmatch(file)]
    if not weights:
        if any(file.endswith(PICKLES) for file in files):
            raise CheckpointError(refusal(f"{name} on the hub"))
        if any(file.endswith(".gguf") for file in top):
            raise CheckpointError(f"{name} holds GGUF files: download the one you want and load that file.")
        raise CheckpointError(f"{name} on the hub holds no safetensors file.")
    texts = [f for f in top if f.endswith((".json", ".txt", ".model", ".jinja"))]
    return weights + texts + [f for f in files if "/" in f and f.endswith("config.json")]
