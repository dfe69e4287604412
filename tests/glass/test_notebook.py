"""The kernel's extension: figures in the guide's style from the first one on, and no Matplotlib before that."""

import nbformat
import pytest
from nbclient import NotebookClient

from glassformer.glass.style import MIME

DRAW = "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2, 4]);"


@pytest.mark.parametrize(
    "before",
    [
        "",
        "import importlib.util; importlib.util.find_spec('matplotlib')",
        "import matplotlib.pyplot",
        "import matplotlib.pyplot as p; p.figure(); p.close()",
    ],
)
def test_the_first_figure_has_the_style_whenever_matplotlib_came(before):
    cells = [before, "%load_ext glassformer.glass.notebook", "import sys; print('matplotlib' in sys.modules)", DRAW]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    assert notebook.cells[2].outputs[0].text.strip() == str("pyplot" in before)
    (shown,) = notebook.cells[3].outputs
    assert "var(--fig-c0, #1f6f78)" in shown.data["image/svg+xml"] and shown.data[MIME]["data"][0]["lines"]
    assert "image/png" not in shown.data
