// The Output widget: what the kernel shows while the widget captures, drawn as the output of a cell is.
import { DOMWidgetModel, DOMWidgetView, isEqual } from "@jupyter-widgets/base";
import { Outputs } from "../outputs.js"; // not bundled: it is the page's

/** The list of outputs, which Python sees too. */
export class OutputModel extends DOMWidgetModel {
  defaults() { return { ...super.defaults(), _view_name: "OutputView", _view_module: "@jupyter-widgets/output", msg_id: "", outputs: [] }; }

  initialize(attributes, options) {
    super.initialize(attributes, options);
    this.displays = new WeakMap();
    if (this.get("msg_id")) this.widget_manager.capture(this.model_id, this.get("msg_id")); // the page was reloaded meanwhile
  }

  add({ header: { msg_type: type }, content }) {
    if (type === "clear_output") {
      this.waits = content.wait;
      return content.wait ? undefined : this.put([]);
    }
    const { transient, ...output } = { output_type: type, ...content };
    const outputs = this.waits ? [] : [...this.get("outputs")];
    const last = outputs.at(-1);
    this.waits = false;
    if (type === "stream" && last?.output_type === "stream" && last.name === output.name)
      outputs[outputs.length - 1] = { ...last, text: last.text + output.text };
    else outputs.push(output);
    if (transient?.display_id) this.displays.set(output, transient.display_id);
    this.put(outputs);
  }

  /** A display handle of Python's changes what it showed. */
  update({ data, metadata, transient }) {
    const outputs = this.get("outputs").map((old) => {
      if (this.displays.get(old) !== transient.display_id) return old;
      const output = { ...old, data, metadata };
      this.displays.set(output, transient.display_id);
      return output;
    });
    if (outputs.some((output, i) => output !== this.get("outputs")[i])) this.put(outputs);
  }

  put(outputs) { this.set("outputs", outputs); this.save_changes(); }
}

export class OutputView extends DOMWidgetView {
  render() {
    super.render();
    this.el.classList.add("jupyter-widgets", "widget-output");
    this.shown = new Outputs(this.el, async () => this.model.widget_manager);
    this.drawn = [];
    this.listenTo(this.model, "change:outputs", this.draw);
    this.displayed.then(() => this.draw());
  }

  /** Most often something was added at the end: then the rest stands as it is. */
  draw() {
    const old = this.drawn, now = this.model.get("outputs");
    let same = 0;
    while (same < old.length && isEqual(old[same], now[same])) same++;
    const last = old[same], next = now[same];
    const grown = last && same === old.length - 1 && next?.output_type === "stream" && next.name === last.name && next.text.startsWith(last.text);
    const added = now.slice(same);
    if (grown) added[0] = { ...next, text: next.text.slice(last.text.length) };
    const anew = same < old.length && !grown;
    if (anew) this.shown.begin();
    for (const output of anew ? now : added) this.shown.add({ header: { msg_type: output.output_type }, content: output });
    if (anew) this.shown.end();
    this.drawn = now;
  }
}
