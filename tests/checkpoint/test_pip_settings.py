"""What pip is told about indexes: read from its files and its variables, in its order."""

import os
from pathlib import Path

import pytest

from glassformer.checkpoint.pip_settings import pip_settings, places


def test_pips_settings_are_found_as_pip_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://mirror.example/simple\ncert = /some.pem\nproxy = http://proxy:3128\n"
        "trusted-host = a.example\n    b.example\n"
        "extra-index-url =\n    https://one.example/simple\n    https://two.example/simple\n"
        "[install]\nno-index = no\n[download]\nfind-links = /wheels\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    found = pip_settings()
    assert found.index == "https://mirror.example/simple" and found.cert == "/some.pem" and not found.no_index
    assert found.proxy == "http://proxy:3128" and found.trusted == ["a.example", "b.example"]
    assert places(found) == [
        "/wheels",
        *(f"https://{host}.example/simple/" for host in ("mirror", "one", "two")),
    ]
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.example/simple")
    assert pip_settings().index == "https://other.example/simple"
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert pip_settings().index == "https://pypi.org/simple"
