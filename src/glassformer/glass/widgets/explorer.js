// See through a model: tokens, layers and heads, the residual stream, what each layer would predict, and what comes out.
// `data` holds one pass: attention as one base64 text of bytes (0…255 for 0…1) a layer, [H, T, T]; the rest as numbers.

const SIXTY_FOUR = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUE = Object.fromEntries([...SIXTY_FOUR].map((letter, i) => [letter, i]));

/** The bytes of a base64 text. */
function bytes(text) {
  const found = [];
  for (let i = 0; i < text.length; i += 4) {
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => VALUE[text[i + k]]);
    found.push((a << 2) | (b >> 4));
    if (c !== undefined) found.push(((b & 15) << 4) | (c >> 2));
    if (d !== undefined) found.push(((c & 3) << 6) | d);
  }
  return found;
}

const unpacked = new WeakMap(); // the bytes of each `data` that was seen, by layer
function layerBytes(data, layer) {
  if (!unpacked.has(data)) unpacked.set(data, []);
  return (unpacked.get(data)[layer] ??= bytes(data.attention[layer] ?? ""));
}

/** From where `token` reads in a head: T shares that add up to 1; null where the layer has no attention. */
function reads(data, layer, head, token) {
  const size = data.tokens.length, all = layerBytes(data, layer);
  if (!all.length) return null;
  const start = (head * size + token) * size, row = all.slice(start, start + size);
  const sum = row.reduce((a, b) => a + b, 0) || 1;
  return row.map((x) => x / sum);
}

const entropy = (shares) => shares.reduce((sum, p) => sum - (p ? p * Math.log2(p) : 0), 0);
const MEASURES = {
  entropy: {
    name: "spread of its reading, in bits", of: entropy,
    most: (size) => Math.max(1, Math.log2(size)), say: (x) => `${number(x, 1)} bits`,
  },
  first: { name: "attention to the first token", of: (shares) => shares[0], most: () => 1, say: percent },
};

function percent(p) {
  if (p > 0 && p < 0.005) return "under 1\u00a0%";
  return p < 1 && p >= 0.995 ? "over 99\u00a0%" : `${Math.floor(100 * p + 0.5)}\u00a0%`;
}

/** A token as a label shows it (`blank`s seen), and as a sentence says it. */
const shown = (token) => token.replaceAll(" ", "␣").replaceAll("\n", "↵").replaceAll("\t", "⇥") || "∅";
const said = (token) => `“${token.trim() || shown(token)}”`;
const cut = (token, most) => {
  const letters = [...shown(token)];
  return letters.length > most ? letters.slice(0, most - 1).join("") + "…" : letters.join("");
};

/** The choice of a state, held within its data: a shorter text may just have come. */
function choice({ data, token, layer, head }) {
  const within = (x, count) => clamp(x, 0, Math.max(0, count - 1));
  const { tokens, layers, heads } = data;
  return { token: within(token, tokens.length), layer: within(layer, layers), head: within(head, heads) };
}

/** Everything the figure says about a state: pure, so that a test can hold it against Python. */
function compute(state) {
  const { data, measure, stage = "attention" } = state, { token, layer, head } = choice(state);
  const shares = reads(data, layer, head, token), of = MEASURES[measure].of;
  const map = (stage === "attention" ? data.attention : []).map((_, l) => Array.from({ length: data.heads }, (_, h) => {
    const row = reads(data, l, h, token);
    return row && of(row);
  }));
  const word = ([index, chance]) => ({ word: data.words[index], chance });
  const norms = data.norms.map((row) => row[token]);
  const lens = data.lens.map((row) => word(row[token]));
  const next = (data.next[token] ?? []).map(word);
  const best = shares ? shares.indexOf(Math.max(...shares)) : null;
  const all = stage === "embeddings" ? vectors(data) : [], vector = all[token] ?? null;
  const cosines = all.map((other) => cosine(vector, other));
  const largest = stage === "feedforward" ? neurons(data, layer, token) : [];
  const result = { token, layer, head, shares, best, map, norms, lens, next, vector, cosines, largest };
  return { ...result, sentence: tellStage(data, stage, result) ?? tell(data, stage, result) };
}

function tell(data, stage, { token, layer, head, shares, best, norms, lens, next }) {
  const me = said(data.tokens[token]);
  const from = best === token ? "itself" : said(data.tokens[best] ?? "");
  const reading = shares
    ? `Layer ${layer}, head ${head}: ${me} reads most from ${from}, ${percent(shares[best])}; ` +
      `its reading spreads over ${number(entropy(shares), 1)} bits.`
    : `Layer ${layer}: ${me}; this layer has no attention.`;
  if (stage === "stream" && !norms.length) return "The layers of this model have no residual stream.";
  const stream = norms.length ? `After the layer its stream is ${number(norms[layer + 1], 1)} long` : "";
  const early = lens[layer + 1];
  const would = early ? ` and would predict ${said(early.word)} (${percent(early.chance)})` : "";
  const where = data.causal ? `after ${me}` : `in the place of ${me}`;
  const [top] = next;
  const end = top ? ` The model's own prediction ${where} is ${said(top.word)} (${percent(top.chance)}).` : "";
  if (stage === "stream") return `Layer ${layer}: ${me}. ${stream}${would}.`;
  if (stage === "logits") return end.trim();
  return `${reading}${stream && ` ${stream}${would}.`}${end}`;
}

const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);
const box = (x, y, width, height, attributes = {}) => svg("rect", { x, y, width, height, ...attributes });
const size = (root, height) => set(root, { viewBox: `0 0 340 ${height}` });
const strength = (share, least = 0.04, most = 0.94) =>
  `opacity: ${(least + (most - least) * clamp(share, 0, 1)).toFixed(3)}`;

/** The chosen token on the left, what it reads from on the right, lines as thick as its attention. */
function drawAttention(root, { data }, { token, shares }) {
  const row = 23, at = (i) => 8 + row * (i + 0.5);
  size(root, row * data.tokens.length + 16);
  root.replaceChildren(...data.tokens.flatMap((word, i) => {
    const share = shares[i], me = i === token;
    const line = share > 0.001 && svg("path", {
      d: `M126 ${at(token)}C170 ${at(token)} 170 ${at(i)} 214 ${at(i)}`, class: "line", style: strength(share, 0.2),
      "stroke-width": (0.8 + 7 * share).toFixed(1),
    });
    const amount = share ? (100 * share).toFixed(share < 0.0995 ? 1 : 0) : "0";
    const pick = svg("g", { "data-token": i, class: me ? "pick chosen" : "pick" },
      box(2, at(i) - row / 2 + 1, 122, row - 2, { rx: 4, class: "ground" }),
      text(118, at(i) + 4.5, cut(word, 15), { "text-anchor": "end" }));
    const key = [
      box(216, at(i) - row / 2 + 1, 84, row - 2, { rx: 4, class: "shade", style: strength(share, 0.05, 0.5) }),
      text(221, at(i) + 4.5, cut(word, 11)),
      text(339, at(i) + 4.5, amount, { "text-anchor": "end", class: share ? "" : "gf-soft" }),
    ];
    return [line, pick, ...key].filter(Boolean);
  }));
}

/** Layers across, heads down; darker is more of the measure. */
function drawMap(root, { data, measure }, { layer, head, map }) {
  const { most, say } = MEASURES[measure], top = most(data.tokens.length);
  const wide = 310 / data.layers, high = clamp(150 / data.heads, 7, 18), bottom = high * data.heads + 4;
  size(root, bottom + 32);
  const cell = (l, h, attributes) => box(26 + wide * l, 4 + high * h, wide - 0.8, high - 0.8, attributes);
  const cells = map.flatMap((column, l) => column.map((value, h) => value === null ? "" :
    svg("g", { "data-layer": l, "data-head": h, class: "pick" }, cell(l, h, { class: "ground" }),
      cell(l, h, { class: "shade", style: strength(value / top) }),
      svg("title", {}, `layer ${l}, head ${h}: ${say(value)}`))));
  const every = Math.ceil(data.layers / 6), down = Math.ceil(data.heads / 4);
  const some = (count, step) => Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step);
  root.replaceChildren(...cells, cell(layer, head, { class: "ring" }),
    ...some(data.layers, every).map((l) => text(26 + wide * (l + 0.5), bottom + 13, l, { "text-anchor": "middle" })),
    ...some(data.heads, down).map((h) => text(21, 8 + high * (h + 0.5), h, { "text-anchor": "end" })),
    text(336, bottom + 28, "layer →", { "text-anchor": "end" }), text(2, bottom + 28, "↓ head"));
}

/** The length of the token's stream, in powers of ten, before the first layer and after each. */
function drawNorms(root, { data }, { layer, norms }) {
  const logs = norms.map((x) => Math.log10(Math.max(x, 1e-9)));
  const [low, high] = [Math.min(...logs), Math.max(...logs)], span = high - low || 1;
  const at = (i) => [48 + (282 * i) / data.layers, 88 - (72 * (logs[i] - low)) / span];
  const [x, y] = at(layer + 1), left = x < 190;
  size(root, 116);
  root.replaceChildren(
    svg("path", { d: "M48 8V94H336", class: "axis" }),
    svg("path", { d: `M${logs.map((_, i) => at(i).map((v) => v.toFixed(1)).join(" ")).join("L")}`, class: "curve" }),
    svg("circle", { cx: x, cy: y, r: 5, class: "dot" }),
    text(clamp(x + (left ? 9 : -9), 52, 330), clamp(y + (y < 40 ? 18 : -8), 14, 88), number(norms[layer + 1], 1),
      { "text-anchor": left ? "start" : "end", class: "strong" }),
    ...[low, high].map((v, i) => text(42, i ? 20 : 92, number(10 ** v, 1), { "text-anchor": "end" })),
    text(48, 110, "embedded"), text(336, 110, `after layer ${data.layers - 1}`, { "text-anchor": "end" }),
  );
}

/** Rows of a word with its chance as a bar; `names` stand in front, `chosen` is marked. */
function drawWords(root, rows, { names = null, chosen = -1, high = 22 } = {}) {
  const left = names ? 78 : 4, top = names ? 1 : Math.max(...rows.map(({ chance }) => chance), 1e-9);
  size(root, high * rows.length + 6);
  root.replaceChildren(...rows.map(({ word, chance }, i) => {
    const y = 3 + high * i, middle = y + high / 2 + 4;
    const parts = [
      box(1, y, 338, high - 1.5, { rx: 3, class: "ground" }),
      names && text(2, middle, names[i], { class: i === chosen ? "strong" : "gf-soft" }),
      text(left, middle, cut(word, 14), { class: i === chosen ? "strong" : "" }),
      box(left + 112, y + high * 0.22, Math.max(1, ((183 - left) * chance) / top), high * 0.5, { class: "bar" }),
      text(338, middle, percent(chance).replace("under", "<").replace("over", ">"), { "text-anchor": "end" }),
    ];
    const pick = names && i ? { "data-layer": i - 1, class: i === chosen ? "pick chosen" : "pick" } : {};
    return svg("g", pick, ...parts.filter(Boolean));
  }));
}

/** Radio buttons as chips. `show(words, chosen)` follows the model. */
function chips(legend, attribute, pick) {
  const name = uniqueId("chips"), row = html("div", { class: "row" });
  const node = html("fieldset", { class: "gf-choice chips" }, html("legend", { class: "gf-label" }, legend), row);
  const show = (words, chosen, shares = null) => {
    while (row.children.length > words.length) row.lastChild.remove();
    words.forEach((word, i) => {
      if (!row.children[i]) {
        const input = html("input", { type: "radio", name, value: i, onchange: () => pick(i) });
        const heat = html("span", { class: "heat", "aria-hidden": "true" });
        row.append(html("label", { class: "chip", [attribute]: i }, input, heat, html("span", { class: "word" })));
      }
      const [input, heat, label] = row.children[i].children;
      input.checked = i === chosen;
      label.textContent = word;
      heat.style.opacity = shares ? (0.5 * shares[i]).toFixed(3) : 0;
    });
  };
  return { node, show };
}

const TRAITS = ["data", "text", "token", "layer", "head", "measure", "stage", "live", "problem"];

function render({ model, el }) {
  const read = () => Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const change = (values) => put(model, values);
  const picture = (label) => svg("svg", { viewBox: "0 0 340 100", role: "img", "aria-label": label });
  const panel = (title, ...nodes) => html("div", {}, html("p", { class: "gf-title" }, title), ...nodes);

  const token = chips("Token", "data-token", (i) => change({ token: i }));
  const head = chips("Head", "data-head", (i) => change({ head: i }));
  const measures = uniqueId("measure");
  const radios = Object.keys(MEASURES).map((name) =>
    html("input", { type: "radio", name: measures, value: name, onchange: () => change({ measure: name }) }));
  const layers = html("div", { class: "layers" });
  const step = (by, words) => {
    const onclick = () => {
      const { data, layer } = read();
      change({ layer: clamp(layer + by, 0, data.layers - 1) });
    };
    return html("button", { type: "button", class: "gf-button", "aria-label": words, onclick }, by < 0 ? "‹" : "›");
  };
  let layer = null; // a slider, made anew when the number of layers changes

  const pictures = {
    attention: picture("From where the chosen token reads, as lines from it to the tokens, with percentages."),
    map: picture("Every head of every layer, shaded by the measure, for the chosen token."),
    norms: picture("The length of the chosen token's residual stream after each layer."),
    lens: picture("What each layer would predict at the chosen token."),
    tokens: picture("The tokens of the text with their positions and numbers."),
    cosines: picture("The cosine of the chosen token's embedded vector with that of every token."),
    hidden: picture("The hidden neurons of the chosen token that are farthest from zero, with their values."),
    next: picture("The most likely predictions at the chosen token, with their probabilities."),
  };
  const predicted = html("span");
  const strip = html("canvas", { class: "strip", role: "img",
    "aria-label": "The embedded vector of the chosen token, one cell a number, darker where it is farther from zero." });
  const panels = {
    tokens: panel("The text as tokens", pictures.tokens),
    strip: panel("The embedded vector, in rows of 32", strip),
    cosines: panel("Cosine with the embedded vector of each token", pictures.cosines),
    hidden: panel("Hidden neurons that are farthest from 0", pictures.hidden),
    attention: panel("Attention of the head: from where the token reads, in percent", pictures.attention),
    map: panel("All heads", html("fieldset", { class: "gf-choice" }, html("legend", { class: "gf-label" }, "Shaded by (strong color: much)"),
      ...radios.map((radio) => html("label", { class: "gf-check" }, radio, MEASURES[radio.value].name))), pictures.map),
    norms: panel("Residual stream: its length by layer", pictures.norms),
    lens: panel("Logit lens: the top token by layer", pictures.lens),
    next: panel(predicted, pictures.next),
  };
  const ids = { text: uniqueId("text") };
  const own = html("input", { id: ids.text, type: "text", class: "gf-select own", autocomplete: "off" });
  const onsubmit = (event) => {
    event.preventDefault();
    change({ text: own.value });
  };
  const ask = html("form", { class: "ask", onsubmit }, html("label", { class: "gf-label", for: ids.text }, "Your own text"),
    own, html("button", { class: "gf-button" }, "Trace it"));
  const { node: live, say: announce, stop } = liveRegion();
  const hint = html("p", { class: "hint" }, "Click a token, a cell or a row to choose it; point at one for a preview.");
  const place = uniqueId("stage"), tabs = stageTabs(place, (stage) => change({ stage }));
  const tensors = tensorList(announce);
  const stagePanel = html("div", { id: place, role: "tabpanel" }, token.node,
    html("div", { class: "gf-controls" }, layers, head.node), live,
    html("div", { class: "panels" },
      html("div", {}, panels.attention, panels.tokens, panels.strip, panels.hidden, panels.next, panels.norms),
      html("div", {}, panels.map, panels.lens, panels.cosines)), hint, tensors.node);
  const root = html("div", { class: "gf gf-explorer" }, ask, tabs.node, stagePanel);
  el.append(root);

  let preview = {}; // what the mouse points at
  const picked = (target) => {
    const found = target.closest("[data-token], [data-layer], [data-head]")?.dataset ?? {};
    return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, Number(value)]));
  };
  const point = (values) => {
    if (JSON.stringify(values) === JSON.stringify(preview)) return;
    preview = values;
    draw();
  };
  root.addEventListener("click", ({ target }) => {
    const values = target.closest("svg") ? picked(target) : {};
    if (Object.keys(values).length) change(values);
  });
  root.addEventListener("pointerover", ({ target, pointerType }) => pointerType === "mouse" && point(picked(target)));
  root.addEventListener("pointerleave", () => point({}));

  function draw() {
    const state = read(), fixed = compute(state), { data } = state;
    const seen = Object.keys(preview).length ? compute({ ...state, ...preview }) : fixed;
    if (layer?.count !== data.layers) {
      const range = { label: "Layer", min: 0, max: data.layers - 1, step: 1, digits: 0 };
      layer = { ...slider({ ...range, oninput: (x) => change({ layer: x }) }), count: data.layers };
      layers.replaceChildren(layer.node, step(-1, "one layer back"), step(1, "one layer on"));
    }
    const { lens, next } = data, me = said(data.tokens[seen.token]);
    const { stage } = state, at = (name, has) => stage === name && Boolean(has);
    const has = {
      attention: at("attention", seen.shares), map: at("attention", data.heads), norms: at("stream", data.norms.length),
      lens: at("stream", lens.length), next: at("logits", next.length), tokens: at("tokens", true),
      strip: at("embeddings", seen.vector), cosines: at("embeddings", seen.vector),
      hidden: at("feedforward", seen.largest.length),
    };
    tabs.show(stage);
    stagePanel.setAttribute("aria-labelledby", tabs.id(stage));
    layers.hidden = !["attention", "stream", "feedforward"].includes(stage);
    tensors.show(data, stage, fixed.layer);
    for (const [name, node] of Object.entries(panels)) node.hidden = !has[name];
    token.show(data.tokens.map(shown), fixed.token, stage === "attention" ? seen.shares : null);
    head.node.hidden = !has.map;
    head.show(Array.from({ length: data.heads }, (_, i) => String(i)), fixed.head);
    layer.show(fixed.layer);
    for (const radio of radios) radio.checked = radio.value === state.measure;
    ask.hidden = !state.live;
    if (document.activeElement !== own) own.value = state.text;
    predicted.textContent = data.causal ? `Next token after ${me}` : `Prediction in the place of ${me}`;
    if (has.attention) drawAttention(pictures.attention, state, seen);
    if (has.map) drawMap(pictures.map, state, seen);
    if (has.norms) drawNorms(pictures.norms, state, seen);
    if (has.tokens) drawTokens(pictures.tokens, state, seen);
    if (has.strip) drawStrip(strip, seen.vector);
    if (has.cosines) {
      const rows = data.tokens.map((word, i) => ({ name: word, value: seen.cosines[i] }));
      drawSigned(pictures.cosines, rows, { chosen: fixed.token, pick: true });
    }
    if (has.hidden) {
      const rows = seen.largest.map(({ neuron, value }) => ({ name: `neuron\u00a0${neuron}`, value }));
      drawSigned(pictures.hidden, rows);
    }
    const names = seen.lens.map((_, i) => (i ? `layer ${i - 1}` : "embedded"));
    if (has.lens) drawWords(pictures.lens, seen.lens, { names, chosen: seen.layer + 1, high: 17 });
    if (has.next) drawWords(pictures.next, seen.next);
    announce(state.problem || fixed.sentence);
  }
  const unfollow = follow(model, TRAITS, draw);
  return () => {
    unfollow();
    stop();
    root.remove();
  };
}

export { compute };
export default { render };
