// What a cell shows: text as a terminal shows it, errors in color, pictures, HTML, widgets. Old output stands until new comes.

const LONGEST = 200_000; // characters of text a cell may show; a loop that prints without end must not drown the page
const KEPT = 300_000; // characters of output a cell may keep over a reload
const WIDGET = "application/vnd.jupyter.widget-view+json";
const FIGURE = "application/vnd.glassformer.figure+json";
const OWN_WIDGET = "application/vnd.glassformer.widget+json";

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** What a terminal shows of `text`: a carriage return goes back to the start of the line and writes over it. */
function overwritten(text) {
  if (!/[\r\x08]/.test(text)) return text;
  const back = (line) => { while (/[^\x08]\x08/.test(line)) line = line.replace(/[^\x08]\x08/, ""); return line; };
  const line = (parts) => parts.reduce((shown, part) => part + shown.slice(part.length), "");
  return text.replaceAll("\r\n", "\n").split("\n").map((raw) => line(back(raw).split("\r"))).join("\n");
}

/** Text with ANSI colors as spans: classes gf-ansi-0 … 15, gf-bold, gf-underline. Other escapes are left out. */
export function ansi(text) {
  const whole = document.createDocumentFragment();
  let color = null, bold = false, underline = false;
  // eslint-disable-next-line no-control-regex
  for (const part of text.split(/(\x1b\[[0-9;]*m)/)) {
    const codes = part.match(/^\x1b\[([0-9;]*)m$/)?.[1].split(";").map(Number);
    if (!codes) {
      const plain = part.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "");
      if (!plain) continue;
      const names = [color !== null && `gf-ansi-${color}`, bold && "gf-bold", underline && "gf-underline"].filter(Boolean);
      whole.append(names.length ? element("span", { class: names.join(" ") }, plain) : plain);
      continue;
    }
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i];
      if (code === 0) [color, bold, underline] = [null, false, false];
      else if (code === 1) bold = true;
      else if (code === 4) underline = true;
      else if (code === 22) bold = false;
      else if (code === 24) underline = false;
      else if (code >= 30 && code <= 37) color = code - 30;
      else if (code >= 90 && code <= 97) color = code - 82;
      else if (code === 39) color = null;
      else if (code === 38 || code === 48) {
        if (code === 38 && codes[i + 1] === 5) color = codes[i + 2] < 16 ? codes[i + 2] : null;
        i += codes[i + 1] === 5 ? 2 : 4;
      }
    }
  }
  return whole;
}

/** A figure's SVG: named by its alternative text, as wide as the page allows, its ids its own. */
function figure(source, alt, prefix) {
  const box = element("div", { class: "gf-figure" });
  box.innerHTML = source.slice(source.indexOf("<svg")).replace(/(\bid="|url\(#|href="#)/g, `$1${prefix}-`);
  const svg = box.firstElementChild;
  const width = parseFloat(svg.getAttribute("width"));
  for (const name of ["width", "height"]) svg.removeAttribute(name);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", alt || "A figure without a description");
  svg.style.cssText = `width: 100%; max-width: ${Math.round(width * 1.7)}px; height: auto`;
  return box;
}

const image = (mime) => (data) => element("img", { src: `data:${mime};base64,${data[mime].replaceAll("\n", "")}`, alt: "A picture made by this cell" });
const byText = (mime) => (data) => element("div", {}, element("pre", {}, ansi(data[mime])));

let prefixes = 0;

/** The box below a cell. `widgets()` resolves to the manager of Jupyter widgets, which is loaded when it is needed. */
export class Outputs {
  constructor(box, widgets) {
    Object.assign(this, { box, widgets, messages: [], size: 0, stream: null, waits: false, displays: new Map() });
    this.published = [...box.childNodes];
  }

  /** Back to what the page showed before anything was run. */
  publish() {
    this.clear();
    this.box.append(...this.published);
  }

  /** A run begins: what stands here is replaced by the first new output. */
  begin() { this.waits = true; }

  /** The run has ended: without any output the box is empty. */
  end() {
    if (this.waits) this.clear();
    this.draw();
    this.box.querySelector(".gf-input")?.remove(); // interrupted while it was asked
    document.dispatchEvent(new CustomEvent("gf-shown", { detail: this.box }));
  }

  clear() {
    this.box.replaceChildren();
    this.displays.clear();
    Object.assign(this, { messages: [], size: 0, stream: null, waits: false, cut: false, noted: false });
  }

  /** Show a message of the kernel. */
  add({ header: { msg_type: type }, content }) {
    if (type === "clear_output") { if (content.wait) this.waits = true; else this.clear(); return; }
    if (!["stream", "error", "display_data", "execute_result", "update_display_data"].includes(type)) return;
    if (this.waits) this.clear();
    if (type === "stream") this.write(content);
    else if (type === "error") this.put(element("div", { class: "traceback" }, element("pre", {}, ansi(content.traceback.join("\n").replace(/^(?:\x1b\[[0-9;]*m)*-{20,}(?:\x1b\[[0-9;]*m)*\n/, "")))));
    else this.display(type, content);
    if (!this.cut) this.messages.push({ header: { msg_type: type }, content });
  }

  put(node) {
    if (this.stream) this.draw();
    this.stream = null;
    this.box.append(node);
    return node;
  }

  write({ name, text }) {
    if (this.cut) return;
    if (name === "stderr" && /^\s*IOPub \w+ rate exceeded/.test(text)) return this.note("Python prints faster than a page can follow.");
    this.size += text.length;
    if (this.size > LONGEST) {
      text = text.slice(0, Math.max(0, text.length - (this.size - LONGEST)));
      this.cut = true;
    }
    if (this.stream?.name !== name) {
      const pre = element("pre");
      this.put(element("div", { class: `stream ${name}` }, pre));
      this.stream = { name, pre, text: "" };
    }
    this.stream.text += text;
    this.frame ??= requestAnimationFrame(() => this.draw());
    if (!this.cut) return;
    this.note(`only the first ${LONGEST.toLocaleString("en")} characters.`);
  }

  /** Say once that something is left out. */
  note(why) {
    if (!this.noted) this.put(element("p", { class: "gf-note" }, `Not everything is shown: ${why}`));
    this.noted = true;
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    if (this.stream) this.stream.pre.replaceChildren(ansi(overwritten(this.stream.text)));
  }

  display(type, { data, transient = {} }) {
    this.draw();
    const id = transient.display_id;
    const old = id && this.displays.get(id);
    if (type === "update_display_data" && !old) return;
    const node = this.render(data);
    if (type === "update_display_data") old.replaceWith(node); else this.put(node);
    if (id) this.displays.set(id, node);
  }

  /** The richest form of `data` that there is. */
  render(data) {
    const prefix = `gf-out-${++prefixes}`;
    if (WIDGET in data) return this.widget(data, prefix);
    if (OWN_WIDGET in data) return this.ownWidget(data[OWN_WIDGET], prefix);
    if (FIGURE in data) return figure(data["image/svg+xml"], data[FIGURE].alt, prefix);
    if ("text/html" in data) { const box = element("div", { class: "text_html" }); box.innerHTML = data["text/html"]; return box; }
    if ("image/svg+xml" in data) return figure(data["image/svg+xml"], "", prefix);
    const form = ["image/png", "image/jpeg"].find((mime) => mime in data);
    return form ? element("div", {}, image(form)(data)) : byText("text/plain" in data ? "text/plain" : Object.keys(data)[0])(data);
  }

  widget(data, prefix) {
    const box = element("div", { class: "gf-widgets" });
    this.widgets()
      .then((manager) => manager.show(data[WIDGET].model_id, box, { output: (message) => this.add(message) }))
      .catch((error) => box.replaceWith(OWN_WIDGET in data ? this.ownWidget(data[OWN_WIDGET], prefix) : element("p", { class: "gf-note" }, error.message)));
    return box;
  }

  /** A figure of the guide without its kernel: the still, which the page's own script brings to life. */
  ownWidget({ module, alt, state, still }, prefix) {
    const data = element("script", { type: "application/json" }, JSON.stringify(state));
    const box = element("div", { class: "gf-widget", "data-module": module }, data, element("div", { class: "gf-still" }, figure(still, alt, prefix)));
    document.dispatchEvent(new CustomEvent("gf-widget", { detail: box }));
    return box;
  }

  /** What a reload brings back: the messages, or null if they are too long. */
  get kept() { return JSON.stringify(this.messages).length <= KEPT ? this.messages : null; }

  restore(messages) { this.clear(); for (const message of messages) this.add(message); this.draw(); }
}
