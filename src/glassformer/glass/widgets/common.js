// What every interactive figure shares. Python puts this file in front of NAME.js: one ES module, so nothing here is
// imported or exported, and nothing runs until a figure calls it.

/** Set attributes: `onclick`-like names listen, `class` and the rest are attributes; null and false remove. */
function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === null || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  }
  return node;
}

/** An HTML element. Children are nodes or text; text stays text. */
function html(tag, attributes = {}, ...children) {
  const node = set(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

/** An SVG element. */
function svg(tag, attributes = {}, ...children) {
  const node = set(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes);
  node.append(...children);
  return node;
}

let ids = 0;
/** An id that no other instance on the page has. */
const uniqueId = (name) => `gf-${name}-${++ids}-${Math.random().toString(36).slice(2, 8)}`;

const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

/** A number as people write it: at most `digits` decimals, a true minus sign, never −0. `fixed` keeps the zeros. */
function number(x, digits = 2, fixed = false) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "undefined" : x < 0 ? "−∞" : "∞";
  const text = fixed ? x.toFixed(digits) : String(Number(x.toFixed(digits)));
  return /[1-9]/.test(text) ? text.replace("-", "−") : text.replace("-", "");
}

/** A labeled slider with its value, filled from zero. `oninput(value)` hears the reader, `show(value)` follows the model. */
function slider({ label, min, max, step, digits = 2, oninput }) {
  const id = uniqueId("slider");
  const input = html("input", { type: "range", id, min, max, step, class: "gf-range" });
  const value = html("output", { for: id, class: "gf-value" });
  const show = (x) => {
    input.value = x;
    value.textContent = number(x, digits, true);
    input.setAttribute("aria-valuetext", number(x, digits));
    const [from, to] = [clamp(0, min, max), clamp(x, min, max)].sort((a, b) => a - b).map((v) => (v - min) / (max - min));
    input.style.setProperty("--from", from);
    input.style.setProperty("--to", to);
  };
  input.addEventListener("input", () => oninput(Number(input.value)));
  const name = html("label", { for: id, class: "gf-label" }, label);
  return { node: html("div", { class: "gf-slider" }, name, value, input), input, show };
}

/** A visible sentence that screen readers announce. It waits until the reader pauses, so a drag is one announcement. */
function liveRegion(pause = 150) {
  const node = html("p", { class: "gf-sentence", "aria-live": "polite", "aria-atomic": "true" });
  let timer = null;
  const say = (text) => {
    clearTimeout(timer);
    if (!node.textContent) node.textContent = text;
    else if (node.textContent !== text) timer = setTimeout(() => (node.textContent = text), pause);
  };
  return { node, say, stop: () => clearTimeout(timer) };
}

/** Drag `node` inside the SVG `root`: `start(p)`, then `move(p)` with the pointer in the SVG's own units, then `end()`. */
function drag(node, root, { start = () => {}, move, end = () => {} }) {
  const at = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
  let pointer = null;
  const stop = (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    end();
  };
  node.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false }); // a drag, not a scroll
  set(node, {
    onpointerdown: (event) => {
      if (event.button || pointer !== null) return;
      event.preventDefault();
      pointer = event.pointerId;
      node.setPointerCapture(pointer);
      start(at(event));
    },
    onpointermove: (event) => event.pointerId === pointer && move(at(event)),
    onpointerup: stop,
    onpointercancel: stop,
  });
}

/** Write several values to the model at once. */
function put(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

/** Call `draw` now and, once a frame, after any of `names` changed. Returns the function that ends it. */
function follow(model, names, draw) {
  let frame = null;
  const ask = () => (frame ??= requestAnimationFrame(() => ((frame = null), draw())));
  for (const name of names) model.on(`change:${name}`, ask);
  draw();
  return () => {
    cancelAnimationFrame(frame);
    for (const name of names) model.off(`change:${name}`, ask);
  };
}
