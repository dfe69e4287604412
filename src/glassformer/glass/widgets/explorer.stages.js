// The explorer's stages beside attention: tokens, embeddings, hidden neurons; and the tensors of each stage.

const STAGES = {
  tokens: "Tokens", embeddings: "Embeddings", attention: "Attention", stream: "Stream", feedforward: "Feed-forward",
  logits: "Logits",
};

/** The embedded vector of each token, unpacked: `low + step · scale`. Empty where the pass stores none. */
function vectors({ embedded, tokens }) {
  if (!embedded) return [];
  const all = bytes(embedded.steps), width = all.length / tokens.length;
  return tokens.map((_, t) =>
    all.slice(t * width, (t + 1) * width).map((step) => embedded.low[t] + step * embedded.scale[t]));
}

const inner = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const cosine = (a, b) => inner(a, b) / (Math.sqrt(inner(a, a) * inner(b, b)) || 1);

/** The number behind the 16 bits of a float16. */
function half(bits) {
  const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, part = bits & 1023;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + part / 1024) : 2 ** -14 * (part / 1024));
}

/** The largest hidden neurons of a token in a layer: places with values, the farthest from 0 first. */
function neurons({ hidden, tokens }, layer, token) {
  const all = bytes(hidden?.[layer] ?? ""), size = all.length / tokens.length;
  const row = all.slice(token * size, (token + 1) * size);
  return Array.from({ length: size / 4 }, (_, i) => {
    const [a, b, c, d] = row.slice(4 * i, 4 * i + 4);
    return { neuron: a | (b << 8), value: half(c | (d << 8)) };
  });
}

/** The sentence of a stage, or why it has nothing to show. Null where `tell` tells it. */
function tellStage(data, stage, { token, layer, vector, cosines, largest, next }) {
  const me = said(data.tokens[token]);
  if (stage === "tokens") {
    const id = data.ids ? `, number ${data.ids[token]} of the vocabulary` : "";
    return `The text is ${data.tokens.length} tokens. ${me} stands at position ${token}${id}.`;
  }
  if (stage === "embeddings") {
    if (!vector) return "The embedded vectors of this pass are not stored.";
    const others = cosines.map((x, i) => [x, i]).filter(([, i]) => i !== token).sort((a, b) => b[0] - a[0]);
    const near = others.length ? ` Most like it is ${said(data.tokens[others[0][1]])} at position ${others[0][1]}, ` +
      `with a cosine of ${number(others[0][0], 2)}.` : "";
    return `${me} enters the first layer as ${vector.length} numbers, from ${number(Math.min(...vector), 2)} to ` +
      `${number(Math.max(...vector), 2)}.${near}`;
  }
  if (stage === "feedforward") {
    if (!largest.length) return `Layer ${layer} stores no hidden neurons of a plain feed-forward network.`;
    const [{ neuron, value }] = largest;
    return `Layer ${layer}: of the ${data.width} hidden neurons, number ${neuron} is farthest from 0 for ${me}: ` +
      `${number(value, 2)}.`;
  }
  if (stage === "logits" && !next.length) return "This model predicts no tokens: its output is vectors.";
  return null;
}

/** Rows of tokens with their positions and ids. */
function drawTokens(root, { data }, { token }) {
  const high = 24, at = (i) => 22 + high * i;
  size(root, at(data.tokens.length) + 4);
  const head = [[4, "position", "start"], [84, "token", "start"], [336, "id", "end"]].map(([x, word, anchor]) =>
    text(x, 15, word, { class: "gf-soft", "text-anchor": anchor }));
  root.replaceChildren(...head, ...data.tokens.map((word, i) => svg("g",
    { "data-token": i, class: i === token ? "pick chosen" : "pick" },
    box(1, at(i), 338, high - 2, { rx: 3, class: "ground" }),
    text(40, at(i) + 16, i, { "text-anchor": "end" }), text(84, at(i) + 16, cut(word, 18)),
    text(336, at(i) + 16, data.ids?.[i] ?? "", { "text-anchor": "end" }))));
}

/** A vector as a strip of cells in rows of 32, on one canvas: one color above zero, the other below. */
function drawStrip(canvas, vector) {
  const across = 32, cell = 10, down = Math.ceil(vector.length / across), top = Math.max(...vector.map(Math.abs)) || 1;
  Object.assign(canvas, { width: across * cell, height: down * cell });
  const style = getComputedStyle(canvas), pen = canvas.getContext("2d");
  const [above, below] = ["--c0", "--c1"].map((name) => style.getPropertyValue(name).trim());
  vector.forEach((x, i) => {
    pen.globalAlpha = Math.min(1, Math.sqrt(Math.abs(x) / top));
    pen.fillStyle = x >= 0 ? above : below;
    pen.fillRect((i % across) * cell, Math.floor(i / across) * cell, cell - 1, cell - 1);
  });
}

/** Rows of a name with a signed number as a bar from the middle. `token` makes the rows choices. */
function drawSigned(root, rows, { chosen = -1, pick = false } = {}) {
  const high = 22, top = Math.max(...rows.map(({ value }) => Math.abs(value)), 1e-9);
  size(root, high * rows.length + 6);
  root.replaceChildren(...rows.map(({ name, value }, i) => {
    const y = 3 + high * i, length = Math.max(1, (80 * Math.abs(value)) / top);
    return svg("g", pick ? { "data-token": i, class: i === chosen ? "pick chosen" : "pick" } : {},
      box(1, y, 338, high - 1.5, { rx: 3, class: "ground" }), text(4, y + 15, cut(name, 14)),
      box(value < 0 ? 205 - length : 205, y + 5, length, high * 0.5, { class: value < 0 ? "bar below" : "bar" }),
      text(338, y + 15, number(value, 2, true), { "text-anchor": "end" }));
  }));
}

/** The tensors of a stage that flow through the chosen layer. */
function tensorsOf(data, stage, layer) {
  return (data.tensors ?? []).filter(({ role, layers }) =>
    data.roles[role].stage === stage && (!layers.length || layers.includes(layer)));
}
const tensorName = ({ name, layers }, layer) => (layers.length ? `layer ${layer} · ${name}` : name);

/** What a click on a tensor opens. A page of the guide turns `data-section` into a link; elsewhere it is text. */
function card({ role, section, shape, size }, data) {
  const { what, formula, code } = data.roles[role];
  const letters = shape.split(" "), fits = letters.length === size.length;
  const axes = fits ? letters.map((letter, i) => `${letter} = ${size[i]}`).join(", ") : size.join(" × ");
  const made = code.map(([where, lines]) => lines
    ? html("details", {}, html("summary", {}, html("code", {}, where)), html("pre", { tabindex: 0 }, lines))
    : html("p", {}, html("code", {}, where)));
  const link = html("a", { "data-section": section }, `section ${section}`);
  return html("div", { class: "card" }, html("p", {}, what), html("p", { class: "formula" }, formula),
    html("p", {}, `Shape: ${axes}.`), html("p", {}, "Made by:"), ...made,
    html("p", {}, "Explained in ", link, " of Transformers."));
}

/** The list of a stage's tensors; one is open at a time. `show(data, stage, layer)` follows the model. */
function tensorList(announce) {
  const list = html("ul", { class: "tensors" }), title = html("p", { class: "gf-title" }, "The tensors of this stage");
  const none = html("p", { class: "hint" }, "This pass stores no tensors of this stage in this layer.");
  let before = null;
  const row = (tensor, data, layer) => {
    const id = uniqueId("tensor"), name = tensorName(tensor, layer);
    const place = html("div", { id, hidden: true });
    const button = html("button", { type: "button", class: "tensor", "aria-expanded": "false", "aria-controls": id },
      html("span", { class: "name" }, name), " ", html("code", {}, tensor.shape), " ",
      html("span", { class: "sizes" }, tensor.size.join(" × ")));
    button.onclick = () => {
      const open = place.hidden;
      for (const other of list.querySelectorAll(".tensor")) other.setAttribute("aria-expanded", "false");
      for (const item of list.children) item.lastChild.replaceChildren(), (item.lastChild.hidden = true);
      if (!open) return;
      button.setAttribute("aria-expanded", "true");
      place.hidden = false;
      place.append(card(tensor, data));
      place.dispatchEvent(new CustomEvent("gf-sections", { bubbles: true, composed: true, detail: place }));
      announce(`${name}: ${data.roles[tensor.role].what}`);
    };
    return html("li", {}, button, place);
  };
  const show = (data, stage, layer) => {
    const rows = tensorsOf(data, stage, layer), now = JSON.stringify([stage, layer, rows]);
    if (now === before) return;
    before = now;
    list.replaceChildren(...rows.map((tensor) => row(tensor, data, layer)));
    none.hidden = rows.length > 0;
  };
  return { node: html("div", { class: "flow" }, title, list, none), show };
}

/** The six stages as tabs: arrow keys, Home and End move and choose. */
function stageTabs(panelId, choose) {
  const names = Object.keys(STAGES);
  const tabs = names.map((name) => html("button", { type: "button", role: "tab", id: uniqueId("tab"), "aria-controls": panelId,
    "data-stage": name, onclick: () => choose(name) }, STAGES[name]));
  const node = html("div", { class: "tabs", role: "tablist", "aria-label": "Stage of the pass" }, ...tabs);
  node.addEventListener("keydown", (event) => {
    const now = tabs.indexOf(event.target), last = tabs.length - 1;
    const to = { ArrowRight: now === last ? 0 : now + 1, ArrowLeft: now ? now - 1 : last, Home: 0, End: last }[event.key];
    if (to === undefined || now < 0) return;
    event.preventDefault();
    tabs[to].focus();
    choose(names[to]);
  });
  const show = (stage) => tabs.forEach((tab, i) => set(tab, {
    "aria-selected": String(names[i] === stage), tabindex: names[i] === stage ? 0 : -1,
  }));
  return { node, show, id: (stage) => tabs[names.indexOf(stage)].id };
}
