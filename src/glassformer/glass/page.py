"""An interactive figure as a page of its own: one HTML file that asks for nothing else."""

import html
import json
import re
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from glassformer.glass.widgets.base import InteractiveFigure

_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>$title</title>
<style>
:root {
  color-scheme: light dark;
  --fig-ink: #24262b; --fig-faint: #c9c6bd; --fig-paper: #fdfcf8; --fig-c0: #1f6f78; --fig-c1: #c2571a;
}
@media (prefers-color-scheme: dark) {
  :root { --fig-ink: #dcd9d0; --fig-faint: #3a3d42; --fig-paper: #15171a; --fig-c0: #5cc0c6; --fig-c1: #f0955a; }
}
body { margin: 0; background: var(--fig-paper); color: var(--fig-ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 16px; }
h1 { margin: 0 0 12px; font-size: 22px; line-height: 1.3; overflow-wrap: anywhere; }
.gf-still svg { display: block; width: 100%; height: auto; }
details { margin-top: 24px; }
summary { min-height: 32px; cursor: pointer; }
pre { overflow-x: auto; font: 13px/1.4 ui-monospace, monospace; }
$style
</style>
</head>
<body>
<main>
<h1>$title</h1>
<div id="live"></div>
<div class="gf-still" id="still" role="img" aria-label="$alt">$still</div>
$flow
</main>
<script type="application/json" id="state">$state</script>
<script type="module">
$script
const state = JSON.parse(document.getElementById("state").textContent);
const listeners = new Map(), changed = new Set();
const fire = (event) => (listeners.get(event) ?? []).forEach((call) => call());
const model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; changed.add(name); },
  save_changes: () => {
    const names = [...changed];
    changed.clear();
    for (const name of names) fire(`change:$${name}`);
  },
  on: (event, call) => listeners.set(event, [...(listeners.get(event) ?? []), call]),
  off: (event, call) => listeners.set(event, (listeners.get(event) ?? []).filter((other) => other !== call)),
};
render({ model, el: document.getElementById("live") });
document.getElementById("still").hidden = true;
</script>
</body>
</html>
""")


def page(figure: "InteractiveFigure", path: str | Path, *, title: str = "Through a model", flow: str = "") -> Path:
    """Write ``figure`` as one HTML file with its code, style and state inside; return its path.

    Without JavaScript it shows the figure's still. It follows the reader's light or dark setting and fits a phone.

    Args:
        figure: such as ``explorer(model, tokenizer, text)``.
        path: the file to write; what is there is overwritten.
        title: the page's title.
        flow: text to fold below the figure, such as ``flow(trace)``.
    """
    from glassformer.glass.widgets.base import module_source, style_source

    script = re.sub(r"^export .*$", "", module_source(figure.module), flags=re.M).replace("</", "<\\/")
    state = json.dumps(figure.state(), ensure_ascii=False).replace("<", "\\u003c")
    still = figure.still()
    folded = f'<details><summary>The flow as text</summary><pre tabindex="0">{html.escape(flow)}</pre></details>'
    text = _PAGE.substitute(
        title=html.escape(title),
        alt=html.escape(figure.alt),
        style=style_source(figure.module),
        still=still[still.index("<svg") :],
        flow=folded if flow else "",
        state=state,
        script=script,
    )
    path = Path(path)
    path.write_text(text, "utf-8")
    return path
