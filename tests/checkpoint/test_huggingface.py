"""The Hugging Face hub, which is asked through its own library: what is fetched, and what its answers become."""

from pathlib import Path
from typing import Any

import pytest

from glassformer.checkpoint import CheckpointError
from glassformer.checkpoint.files import INDEX, SINGLE
from glassformer.checkpoint.huggingface import huggingface


class Hub:
    """Stands where the hub's library is asked."""

    def __init__(
        self, patch: pytest.MonkeyPatch, listed: list[str] | Exception, local: Path | Exception | None = None
    ) -> None:
        import huggingface_hub

        self.listed, self.local, self.asked = listed, local, dict[str, Any]()
        patch.setattr(huggingface_hub, "model_info", self.info)
        patch.setattr(huggingface_hub, "snapshot_download", self.download)

    def info(self, name: str, revision: str | None = None) -> Any:
        from huggingface_hub.hf_api import ModelInfo

        if isinstance(self.listed, Exception):
            raise self.listed
        return ModelInfo(id=name, sha="abc", siblings=[{"rfilename": f} for f in self.listed])

    def download(self, name: str, local_files_only: bool = False, **asked: Any) -> str:
        from huggingface_hub.errors import LocalEntryNotFoundError

        self.asked = asked
        if local_files_only and self.local is None:
            raise LocalEntryNotFoundError("not there")
        if isinstance(self.local, Exception):
            raise self.local
        return str(self.local or "/fetched")


def test_the_hub_brings_safetensors_and_texts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    top = [
        "config.json",
        "tokenizer.json",
        "merges.txt",
        "spiece.model",
        "chat_template.jinja",
        "1_Pooling/config.json",
    ]
    other = [
        "pytorch_model.bin",
        "onnx/model.onnx",
        "flax.msgpack",
        "original/consolidated.safetensors",
        "run.py",
        "a.fp16.safetensors",
    ]
    hub = Hub(monkeypatch, [*top, *other, SINGLE])
    assert huggingface("some/model") == Path("/fetched")
    assert sorted(hub.asked["allow_patterns"]) == sorted([*top, SINGLE]) and hub.asked["revision"] == "abc"
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    hub = Hub(monkeypatch, [*top, *other, *shards, INDEX, "consolidated.safetensors"])
    huggingface("some/model")
    assert sorted(hub.asked["allow_patterns"]) == sorted([*top, *shards, INDEX])


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        (["config.json", "pytorch_model.bin"], "some/model on the hub holds pickled weights"),
        (["config.json", "m.Q4_0.gguf"], "GGUF files: download"),
        (["README.md"], "holds no safetensors file"),
    ],
)
def test_a_hub_model_without_safetensors(monkeypatch: pytest.MonkeyPatch, listed: list[str], says: str) -> None:
    hub = Hub(monkeypatch, listed)
    with pytest.raises(CheckpointError, match=says):
        huggingface("some/model")
    assert not hub.asked, "nothing was downloaded"


def refused(kind: str) -> Exception:
    from huggingface_hub import errors

    made: Exception = getattr(errors, kind).__new__(getattr(errors, kind))
    Exception.__init__(made, "no")
    return made


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("GatedRepoError", "accepted its terms.*https://huggingface.co/some/model.*hf auth login"),
        ("RepositoryNotFoundError", "knows no model 'some/model'"),
        ("RevisionNotFoundError", "no revision 'v9'"),
        ("HFValidationError", "neither a folder nor a name"),
        ("OfflineModeIsEnabled", "not on this machine, and the hub cannot be reached"),
    ],
)
def test_what_the_hub_answers_becomes_one_sentence(monkeypatch: pytest.MonkeyPatch, kind: str, says: str) -> None:
    Hub(monkeypatch, refused(kind))
    with pytest.raises(CheckpointError, match=says):
        huggingface("some/model", "v9")


def test_a_download_from_the_hub_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    Hub(monkeypatch, [SINGLE], refused("GatedRepoError"))
    with pytest.raises(CheckpointError, match="accepted its terms"):
        huggingface("some/model")
    Hub(monkeypatch, [SINGLE], ConnectionError("reset"))
    with pytest.raises(
        CheckpointError, match=r"could not be fetched to the end \(ConnectionError: reset\)\. Run it again"
    ):
        huggingface("some/model")


def test_what_was_fetched_before_serves_when_the_hub_is_out_of_reach(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Hub(monkeypatch, ConnectionError("no route"), tmp_path)
    assert huggingface("some/model") == tmp_path
