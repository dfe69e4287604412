"""Jupyter widgets and anywidget figures on a page, in a real Chromium with a real kernel: both ways, each time."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.app.serving import Server, serve
from tests.browser import conftest
from tests.browser.driving import OVERFLOWS, Opened, opener, press_theme_button, serious_for_axe

pytestmark = pytest.mark.browser
browser = conftest.browser
SECONDS = 60_000  # how long the slowest step may take on a busy machine, in milliseconds

# What live.js does, without it: the manager is loaded with the first widget; a cell's widgets stand on top of the page.
SETUP = """async () => {
  const { Kernel } = await import("/glassformer/static/kernel.js");
  const VIEW = "application/vnd.jupyter.widget-view+json";
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet" });
  sheet.href = "/glassformer/static/vendor/widgets.css";
  document.head.append(sheet);
  const kernel = new Kernel("widgets", () => {});
  let loading = null;
  const widgets = () => (loading ??= import("/glassformer/static/vendor/widgets.js").then((m) => m.manage(kernel)));
  kernel.onFirstComm = widgets;
  kernel.onFresh = () => loading?.then((manager) => manager.clear());
  const shown = Object.assign(document.createElement("div"), { id: "shown" });
  document.querySelector("article").prepend(shown);
  const show = async (id) => {
    const box = document.createElement("div");
    shown.append(box);
    const output = ({ content: { text } }) => text && printed.push(text);
    await (await widgets()).show(id, box, { output }).catch((error) => { box.textContent = error.message; });
  };
  const run = async (code) => {
    const said = [], boxes = [];
    const output = ({ content: { text, data, traceback } }) => {
      if (text || traceback) said.push(text ?? traceback.join("\\n"));
      if (data?.[VIEW]) { last.id = data[VIEW].model_id; boxes.push(show(last.id)); }
    };
    await kernel.execute(code, { output });
    await Promise.all(boxes);
    return said.join("");
  };
  Object.assign(window, { run, show, printed: [], last: {}, restart: () => kernel.restart() });
  await kernel.start();
}"""
START = """
import anywidget, traitlets
import ipywidgets as w
from IPython.display import display
"""


WIDER = """() => [...document.querySelectorAll('#shown .widget-box')]
  .filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.outerHTML.slice(0, 120))"""


class Live:
    """A page with a kernel, whose widgets are in ``#shown``."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.page = opened.page
        self.page.set_default_timeout(SECONDS)
        self.begin()

    def begin(self) -> None:
        self.page.evaluate(SETUP)

    def run(self, code: str) -> str:
        """Run ``code`` and return what it prints."""
        return self.page.evaluate("code => run(code)", START + code)

    def until(self, condition: str) -> None:
        """Wait until ``condition`` holds; ``shown`` is the place of the widgets, ``text`` what stands there."""
        names = "const shown = document.querySelector('#shown'), text = shown.innerText;"
        self.page.wait_for_function(f"() => {{ {names} return {condition} }}")

    def python(self, expression: str, value: str) -> None:
        """Wait until ``expression`` has ``value`` in Python. Each look is a cell of its own, so none is missed."""
        code = f"print({expression}, end='')"
        self.page.wait_for_function(
            "async ([code, value]) => (await run(code)) === value", arg=[code, value], polling=50
        )

    def keys(self, selector: str, *keys: str) -> None:
        self.page.locator(f"#shown {selector}").first.focus()
        for key in keys:
            self.page.keyboard.press(key)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def live(browser: Any, server: Server) -> Iterator[Live]:
    """A page without cells of its own; it asks no other host, and nothing goes wrong on it unless a test says so."""
    make = opener(browser, server.address.rsplit("/", 1)[0], suffix=f".html?token={server.token}")
    page = Live(next(make)("references"))
    yield page
    assert page.opened.errors == []
    assert all(url.startswith(("http://127.0.0.1:", "data:", "blob:")) for url in page.opened.requests)
    next(make, None)


def test_a_slider_by_keyboard_and_from_python(live):
    live.run(
        "s = w.IntSlider(value=3, max=10, description='layers')\ndisplay(w.VBox([s, w.HBox([w.Label('beside')])]))"
    )
    handle = live.page.get_by_role("slider", name="layers")
    handle.focus()
    for _ in range(2):
        live.page.keyboard.press("ArrowRight")
    live.python("s.value", "5")
    live.run("s.value = 7")
    live.until("text.includes('7') && text.includes('beside')")
    assert handle.get_attribute("aria-valuetext") == "7"
    live.run("s.close()")
    live.until("!shown.querySelector('[role=slider]')")


def test_what_handlers_print_is_shown(live):
    """In the Output widget that captures it, also in the cell that makes it; else where the widget was shown."""
    said = live.run("""
button, out = w.Button(description='Press'), w.Output()
def pressed(_):
    print('stray')
    with out: print('pressed')
button.on_click(pressed)
display(button, out)
with out: print('inside')
print('outside')
""")
    assert said == "outside\n"
    live.until("text.includes('inside')")
    for times in (1, 2):
        live.page.get_by_role("button", name="Press").click()
        live.until(f"text.split('pressed').length === {times + 1}")
    live.page.wait_for_function("() => printed.join('') === 'stray\\nstray\\n'")
    live.python("out.outputs[0]['text']", "inside\npressed\npressed\n")

    live.run("with out: handle = display('one', display_id=True)\nhandle.update('two')")
    live.until("text.includes('two') && !text.includes('one')")
    live.run("out.clear_output(wait=True)\nwith out: print('anew')")
    live.until("text.includes('anew') && !text.includes('pressed')")


def test_interact_and_progress(live):
    live.run("w.interact(lambda n, kind: print(kind, n * n), n=(0, 9), kind=['square', 'power'])")
    live.until("text.includes('square 16')")
    live.keys(".noUi-handle", "ArrowRight")
    live.until("text.includes('square 25') && !text.includes('16')")
    live.page.get_by_role("combobox", name="kind").select_option("power")
    live.until("text.includes('power 25')")

    bar = live.page.get_by_role("progressbar", name="steps")
    bound = "b = w.FloatProgress(max=2, description='steps')\ndisplay(b)\nb.value = 1\n"
    forever = "import threading\nthreading.Event().wait()"
    live.page.evaluate("code => { run(code).catch(() => {}) }", START + bound + forever)
    live.until("shown.querySelector('[role=progressbar]')?.ariaValueNow === '1'")  # while the cell runs on
    assert bar.is_visible()
    live.page.evaluate("() => restart()")


COUNTER = """export default { render({ model, el }) {
  const button = document.createElement("button");
  const draw = () => { button.textContent = `count is ${model.get("value")}`; };
  button.onclick = () => { model.set("value", model.get("value") + 1); model.save_changes(); };
  model.on("change:value", draw);
  draw();
  el.append(button);
  return () => { document.body.dataset.gone = "yes"; };
} }"""


def test_an_anywidget_counts_on_both_sides(live):
    live.run(f"""
class Counter(anywidget.AnyWidget):
    _esm = {COUNTER!r}
    _css = "button {{ color: rgb(1, 2, 3) }}"
    value = traitlets.Int(0).tag(sync=True)
c = Counter()
display(w.HBox([c]))
""")
    button = live.page.get_by_role("button", name="count is 0")
    button.click()
    live.python("c.value", "1")
    live.run("c.value = 41")
    live.until("text.includes('count is 41')")
    assert live.page.get_by_role("button", name="count is").evaluate("b => getComputedStyle(b).color") == "rgb(1, 2, 3)"
    live.page.evaluate("document.querySelector('#shown').replaceChildren()")  # as when its cell runs again
    live.page.wait_for_function("document.body.dataset.gone === 'yes'")


def test_what_cannot_be_shown_is_said(live):
    live.run("""
class Bad(anywidget.AnyWidget):
    _esm = "export default { render() { throw new Error('no luck'); } }"
class Odd(w.DOMWidget):
    _model_module = _view_module = traitlets.Unicode("jupyter-odd").tag(sync=True)
    _model_name = _view_name = traitlets.Unicode("Odd").tag(sync=True)
display(Bad(), Odd(), w.HBox([Odd(), w.Label("beside")]))
""")
    live.until('text.includes("This figure\'s script failed: no luck")')
    live.until("text.split('The guide cannot show widgets of jupyter-odd').length === 3 && text.includes('beside')")
    live.page.evaluate("() => show('nobody')")
    live.until("text.includes('Python no longer knows this widget. Run the cell again.')")
    live.run("w.Widget.close_all()")
    live.opened.errors.clear()


def test_binary_values_and_the_perceptron(live):
    live.run("""
class Raw(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
      const show = () => {
        const data = model.get("data");
        el.textContent = `${data.byteLength} bytes, last ${data.getUint8(data.byteLength - 1)}`;
      };
      el.onclick = () => {
        model.set("data", new DataView(new Uint8Array([9, 0, 255]).buffer));
        model.save_changes();
      };
      model.on("change:data", show);
      show();
    } }'''
    data = traitlets.Bytes(bytes([0, 200])).tag(sync=True, from_json=lambda data, _: bytes(data))
raw = Raw()
display(raw)
""")
    live.until("text === '2 bytes, last 200'")
    live.page.get_by_text("2 bytes").click()
    live.python("list(raw.data)", "[9, 0, 255]")
    live.run("raw.data = bytes(2_000_000) + b'!'")
    live.until("text === '2000001 bytes, last 33'")

    live.run(
        "from glassformer.glass.widgets.perceptron import Perceptron\np = Perceptron(w=[0.3, 0.8, 0.1])\ndisplay(p)"
    )
    live.keys("input[type=range]", "ArrowRight", "ArrowRight")
    live.python("p.w", "[0.4, 0.8, 0.1]")
    live.run("p.w = [0.5, 0.8, 0.1]")
    live.until("text.includes('0.5·6')")


FIGURES = {  # how it is made, what takes the keys, the keys, what Python then knows
    "Recurrent": ("step=1", "button:has-text('Next word')", ["Enter"], "f.step", "2"),
    "Spam": (
        "weights={'w1': [[1, 0], [0, 1], [1, 1]], 'b1': [0, 0], 'w2': [1, -1], 'b2': 0}",
        "textarea",
        ["End", "!"],
        "f.text[-1]",
        "!",
    ),
    "Merges": ("table=[[75, 78], [256, 86]], used=0", "input[type=range]", ["ArrowRight"], "f.used", "1"),
    "Boundary": ("problem='moons'", "input[type=range]", ["ArrowRight"], "f.width", "4"),
    "Rotary": ("m=5", "input[type=range]", ["ArrowRight"], "f.m", "6"),
    "Activation": ("z=0", "input[type=range]", ["ArrowRight"], "f.z", "0.05"),
    "Sampling": ("temperature=1.0", "input[type=range]", ["ArrowRight"], "f.temperature", "1.1"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_worked_by_keyboard_and_looks_at_home(live, name):
    arguments, selector, keys, expression, value = FIGURES[name]
    # A figure is as wide as the page, and at the page's top it would cover the theme button.
    live.page.evaluate("document.querySelector('article').append(document.querySelector('#shown'))")
    live.run(f"from glassformer.glass.widgets.{name.lower()} import {name}\nf = {name}({arguments})\ndisplay(f)")
    live.until("shown.querySelector('.gf-sentence')?.textContent")
    before = live.page.locator("#shown .gf-sentence").inner_text()
    live.keys(selector, *keys)
    live.python(expression, value)
    live.until(f"shown.querySelector('.gf-sentence').innerText !== {json.dumps(before)}")
    for look, width in (("light", 1280), ("dark", 1280), ("light", 390), ("dark", 320)):
        live.page.set_viewport_size({"width": width, "height": 900})
        press_theme_button(live.page, look)
        assert serious_for_axe(live.page) == []
        assert live.page.evaluate(OVERFLOWS) == []
        assert live.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_reload_brings_widgets_back_and_a_restart_lets_go_of_them(live):
    live.run("s = w.IntSlider(value=2)\nout = w.Output()\ndisplay(w.VBox([s, out]))\nwith out: print('kept')")
    live.until("text.includes('kept')")
    live.python("len(out.outputs)", "1")
    known = live.page.evaluate("last.id")
    live.page.reload()
    live.begin()
    live.page.evaluate("id => show(id)", known)
    live.until("text.includes('kept')")
    live.keys("[role=slider]", "ArrowRight")
    live.python("s.value", "3")
    live.run("with out: print('more')")
    live.until("text.includes('more')")

    live.page.evaluate("() => restart()")
    live.until("text.includes('Python has started afresh') && !shown.querySelector('[role=slider]')")
    live.page.evaluate("id => show(id)", known)
    live.until("text.includes('Python no longer knows this widget')")
    live.run("s = w.IntSlider(value=4)\ndisplay(s)")
    live.keys("[role=slider]", "ArrowLeft")
    live.python("s.value", "3")


def test_widgets_look_at_home(live):
    """Light, dark and narrow: nothing serious for axe, which knows contrast and names, and nothing sticks out."""
    styles = json.dumps(["", "primary", "success", "info", "warning", "danger"])
    live.run(f"""
buttons = w.HBox([w.Button(description=style or 'plain', button_style=style, icon='check') for style in {styles}])
inputs = w.HBox([w.FloatSlider(description='a long description'), w.IntRangeSlider(), w.Text(description='name'),
                 w.Dropdown(options=['a', 'b']), w.Checkbox(description='check'), w.Textarea('area'), w.Play(),
                 w.RadioButtons(options=['one', 'two'], description='choose'), w.IntProgress(40), w.Valid(True),
                 w.ToggleButtons(options=['ReLU', 'GELU', 'tanh', 'sigmoid'], description='activation')])
wide = w.Text('wide', layout=w.Layout(width='900px'))
tab = w.Tab([w.Label('first'), w.Label('second')], titles=['One', 'Two'])
display(w.VBox([buttons, inputs, wide, tab, w.Accordion([w.Label('inside')], titles=['Open'], selected_index=0)]))
""")
    live.until("text.includes('first') && text.includes('inside') && !text.includes('second')")
    for look, width in (("light", 1280), ("dark", 1280), ("light", 390)):
        live.page.set_viewport_size({"width": width, "height": 900})
        press_theme_button(live.page, look)
        assert serious_for_axe(live.page) == []
        assert live.page.evaluate(OVERFLOWS) == []
        assert live.page.evaluate("document.documentElement.scrollWidth") <= width
        assert live.page.evaluate(WIDER) == []
