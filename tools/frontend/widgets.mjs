// Jupyter widgets and anywidget figures on a page, over the page's own connection to its kernel. Bundled by build.mjs.
import * as base from "@jupyter-widgets/base";
import * as controls from "@jupyter-widgets/controls";
import { ManagerBase } from "@jupyter-widgets/base-manager";
import { Widget } from "@lumino/widgets";
import anywidget from "anywidget";
import { Comm, TARGET } from "./comm.mjs";
import { OutputModel, OutputView } from "./output.mjs";
import "./widgets.css";

const { ErrorWidgetView, uuid } = base;
const GONE = "Python no longer knows this widget. Run the cell again.";
const FRESH = "Python has started afresh. Run the cell again to work this widget.";
const note = (text) => Object.assign(document.createElement("p"), { className: "gf-note", textContent: text });

const { AnyModel, AnyView } = anywidget(base);
/** An anywidget whose module fails says so in its place. */
class FigureView extends AnyView {
  failed(error) { console.error(error); this.el.replaceChildren(note(`This figure's script failed: ${error.message}`)); }
}

const MODULES = {
  "@jupyter-widgets/base": base,
  "@jupyter-widgets/controls": controls,
  "@jupyter-widgets/output": { OutputModel, OutputView },
  anywidget: { AnyModel, AnyView: FigureView },
};
const CAPTURED = new Set(["stream", "error", "display_data", "execute_result", "clear_output"]);

class Manager extends ManagerBase {
  constructor(kernel) {
    super();
    // `captures` has the Output widgets that capture now, each with the id of the message that Python works on.
    Object.assign(this, { kernel, comms: new Map(), captures: new Map(), prints: new Map(), shown: new Map(), chain: Promise.resolve(), asked: null });
    kernel.onComm = (message) => this.hear(message);
    kernel.capture = (message) => this.captured(message);
    // A cell that runs again throws its old output away: what was shown there is to stop working.
    new MutationObserver(() => this.sweep()).observe(document.body, { childList: true, subtree: true });
  }

  /** Show the widget `id` in `element`. `output(message)` hears what its handlers print outside of any Output widget. */
  async show(id, element, { output } = {}) {
    await this.chain;
    if (!this.has_model(id)) await this.restore(id);
    if (!this.has_model(id)) throw new Error(GONE);
    if (output) this.prints.set(id, output);
    const view = await this.create_view(await this.get_model(id), { output });
    if (view instanceof ErrorWidgetView) throw new Error(view.el.textContent);
    if (!element.isConnected) { view.remove(); return; }
    element.classList.add("gf-widgets");
    Widget.attach(view.luminoWidget, element);
    this.shown.set(element, view);
  }

  /** Let go of every widget, for Python has started afresh. */
  clear() {
    for (const element of this.shown.keys()) element.replaceChildren(note(FRESH));
    this.sweep(() => true);
    for (const model of Object.values(this._models)) model.then((one) => one.close(true)).catch(() => {});
    this._models = Object.create(null);
    for (const known of [this.comms, this.captures, this.prints]) known.clear();
    this.chain = Promise.resolve();
  }

  /** A page that was reloaded: ask the kernel for the widgets that it has. */
  async restore(id) {
    if (this.kernel.socket?.readyState !== WebSocket.OPEN || !(id in (await this._get_comm_info()))) return;
    await (this.asked ??= this._loadFromKernel().finally(() => (this.asked = null)));
  }

  sweep(which = (element) => !element.isConnected) {
    for (const [element, view] of this.shown) {
      if (!which(element)) continue;
      this.shown.delete(element);
      // Lumino takes only what is on the page off it; here it has gone already.
      if (!view.luminoWidget.isDisposed && !view.el.isConnected) view.luminoWidget.processMessage(Widget.Msg.AfterDetach);
      view.remove();
    }
  }

  forget(id) { for (const known of [this.comms, this.captures, this.prints]) known.delete(id); }

  /** One message after the other, for a widget is made in several steps. */
  follow(step) { this.chain = this.chain.then(step).catch((error) => console.error(error)); }

  hear(message) {
    const { comm_id: id, target_name: target, data } = message.content;
    if (message.header.msg_type === "comm_open") {
      if (target !== TARGET || this.has_model(id)) return;
      const comm = new Comm(this, id);
      return this.follow(() => this.handle_comm_open(comm, message));
    }
    const comm = this.comms.get(id);
    if (!comm) return;
    // At once and not in its turn: what the kernel prints next is to be captured already.
    if (data.state && "msg_id" in data.state) this.capture(id, data.state.msg_id);
    this.follow(() => comm.take(message));
  }

  capture(id, message) {
    this.captures.delete(id);
    if (message) this.captures.set(id, message);
  }

  /** Whether an Output widget has taken the message, the innermost if there are several. */
  captured(message) {
    const { header: { msg_type: type }, parent_header: parent, content } = message;
    if (type === "update_display_data") this.follow(async () => {
      for (const model of await Promise.all(Object.values(this._models))) if (model instanceof OutputModel) model.update(content);
    });
    if (!CAPTURED.has(type)) return false;
    const id = [...this.captures].findLast(([, capturing]) => capturing === parent?.msg_id)?.[0];
    if (id) this.follow(async () => (await this._models[id])?.add?.(message));
    return Boolean(id);
  }

  async loadClass(name, module) {
    if (!(module in MODULES)) throw new Error(`The guide cannot show widgets of ${module}: it knows ipywidgets and anywidget.`);
    if (!(name in MODULES[module])) throw new Error(`The guide's ${module} has no ${name}.`);
    return MODULES[module][name];
  }

  async _create_comm(target, id, data, metadata, buffers) {
    const comm = new Comm(this, id ?? uuid(), target);
    if (data || metadata) comm.open(data, undefined, metadata, buffers);
    return comm;
  }

  async _get_comm_info() { return (await this.kernel.send("shell", "comm_info_request", { target_name: TARGET }).done).comms ?? {}; }

  callbacks(view) {
    while (view?.options?.parent) view = view.options.parent;
    return { iopub: { output: view?.options?.output } };
  }

  async create_view(model, options) {
    const view = await super.create_view(model, options);
    if (view instanceof controls.DescriptionView) name(view);
    if (view instanceof controls.PlayView)
      [view.playPauseButton, view.stopButton, view.repeatButton].forEach((one, i) => one.setAttribute("aria-label", ["Play or pause", "Stop", "Repeat"][i]));
    if (view instanceof ErrorWidgetView) { // its own words are for the makers of widgets
      view.el.onclick = view.el.ondblclick = null;
      view.el.replaceChildren(note(view.model.get("error")?.message ?? view.generateErrorMessage().msg));
    }
    return view;
  }
}

/** For screen readers: a control is named by the widget's description, else by its tooltip or kind; a bar tells its value. */
function name(view) {
  const { model, el, label } = view;
  if (el.matches(".widget-radio, .widget-toggle-buttons")) el.classList.add("jupyter-widgets", "widget-inline-hbox"); // forgotten in 5.0.13
  const bar = el.querySelector(":scope > .progress");
  bar?.setAttribute("role", "progressbar");
  el.querySelector(":scope > .widget-readout")?.setAttribute("role", "textbox");
  const tell = () => {
    for (const control of el.querySelectorAll(".noUi-handle, .widget-readout, .progress, select, textarea, input")) {
      if ([...(control.labels ?? [])].some((one) => one.textContent.trim())) continue;
      control.removeAttribute("aria-labelledby");
      if (model.get("description")) control.setAttribute("aria-labelledby", (label.id ||= `gf-${uuid()}`));
      else control.setAttribute("aria-label", model.get("tooltip") || model.name.replace(/Model$/, "").replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase());
    }
    for (const [at, key] of [["min", "min"], ["max", "max"], ["now", "value"]]) bar?.setAttribute(`aria-value${at}`, model.get(key));
  };
  view.listenTo(model, "change", tell);
  tell();
}

const managers = new WeakMap();
/** The one manager of this kernel's widgets: `await show(modelId, element, { output })` and `clear()`. */
export function manage(kernel) {
  if (!managers.has(kernel)) managers.set(kernel, new Manager(kernel));
  return managers.get(kernel);
}
