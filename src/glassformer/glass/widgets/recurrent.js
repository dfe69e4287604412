// A recurrent cell read through time: h becomes tanh(x W_xh + h W_hh + b), word by word.
// Vectors are rows of two numbers.

const MOST = 12; // words that are read
const bare = (word) => word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
const split = (sentence) => sentence.toLowerCase().split(/\s+/).map(bare).filter(Boolean);
const times = ([a, b], W) => [0, 1].map((j) => a * W[0][j] + b * W[1][j]);

/** Everything the figure says about a state: pure, so that a test can hold it against the library. */
function compute(state) {
  const { x, words, w_xh, w_hh, b } = state, said = split(state.sentence);
  const known = said.filter((word) => words.includes(word)), read = known.slice(0, MOST);
  const unknown = [...new Set(said.filter((word) => !words.includes(word)))];
  let hidden = [0, 0];
  const steps = read.map((word) => {
    const from_input = times(x[word], w_xh), before = hidden, from_hidden = times(before, w_hh);
    const sum = b.map((bias, j) => from_input[j] + from_hidden[j] + bias);
    hidden = sum.map(Math.tanh);
    return { word, x: x[word], before, from_input, from_hidden, sum, hidden };
  });
  const result = { steps, unknown, dropped: known.length - read.length, step: Math.min(state.step, read.length) };
  return { ...result, note: note(state, result), sentence: say(result) };
}

const list = (words) => (words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words.join(""));

/** What was left out of the reader's sentence, if anything. */
function note({ words }, { steps, unknown, dropped }) {
  const parts = [], quoted = unknown.slice(0, 5).map((word) => `“${word}”`);
  if (unknown.length > 5) quoted.push(`${unknown.length - 5} more`);
  if (unknown.length) parts.push(`Skipped, because the network has no vector for them: ${list(quoted)}.`);
  if (unknown.length || !steps.length) parts.push(`It knows ${list(words) || "no word"}.`);
  if (dropped) parts.push(`Only the first ${MOST} words are read.`);
  return parts.join(" ");
}

function say({ steps, step }) {
  if (!steps.length) return "There is no word to read, so the hidden state stays at 0 and 0.";
  if (!step) return `Before the first of ${steps.length} words the hidden state is 0 and 0.`;
  const { word, hidden } = steps[step - 1];
  const values = hidden.map((value) => number(value)).join(" and ");
  return `After “${word}”, step ${step} of ${steps.length}, the hidden state is ${values}.`;
}

const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);
const place = ([x, y]) => [38 + 145 * (x + 1), 24 + 145 * (1 - y)];

/** The plane of the two units, each from −1 to 1, with the way of the hidden state up to this step, and beyond it. */
function drawPlane(root, { steps, step }) {
  const h = [[0, 0], ...steps.map(({ hidden }) => hidden)].map(place), [x0, y0] = place([0, 0]);
  const ticks = [-1, -0.5, 0, 0.5, 1];
  const way = (from, to) => `M${h.slice(from, to + 1).map((p) => p.map((x) => x.toFixed(1)).join(" ")).join("L")}`;
  const dot = (p, t) => svg("circle", { cx: p[0], cy: p[1], r: t === step ? 6.5 : 3.5,
    class: t === step ? "now" : t < step ? "past" : "ahead" });
  const arrow = (t) => { // the middle of a step, if it is long enough to hold a head
    const [p, q] = [h[t - 1], h[t]], [dx, dy] = [q[0] - p[0], q[1] - p[1]], long = Math.hypot(dx, dy);
    if (long < 22) return [];
    const on = (along, aside) =>
      [p[0] + dx / 2 + (dx * along - dy * aside) / long, p[1] + dy / 2 + (dy * along + dx * aside) / long].join(" ");
    return [svg("path", { d: `M${on(6, 0)}L${on(-4, 5)}L${on(-4, -5)}Z`, class: "head" })];
  };
  const [x, y] = h[step], name = step ? steps[step - 1].word : "start";
  const beside = [h[step - 1], h[step + 1]].filter(Boolean).reduce((total, p) => total + p[1] - y, 0);
  const below = y < 44 || (beside < 0 && y < 290); // on the side where the way is not
  root.replaceChildren(
    svg("path", { d: `M38 ${y0}H328M${x0} 24V314`, class: "axis" }),
    svg("rect", { x: 38, y: 24, width: 290, height: 290, class: "frame" }),
    ...ticks.map((t) => text(place([t, 0])[0], 331, number(t), { "text-anchor": "middle" })),
    ...ticks.map((t) => text(32, place([0, t])[1] + 4, number(t), { "text-anchor": "end" })),
    text(38, 13, "↑ unit 2"), text(328, 348, "unit 1 →", { "text-anchor": "end" }),
    svg("path", { d: way(step, steps.length), class: "way ahead" }), svg("path", { d: way(0, step), class: "way" }),
    ...Array.from({ length: step }, (_, t) => arrow(t + 1)).flat(), ...h.map(dot),
    text(clamp(x, 70, 296), y + (below ? 22 : -12), name, { class: "name" }));
}

/** The rows of this step's calculation: what it is, then for each unit the numbers and their result. */
function calculation({ w_xh, w_hh, b }, { x, before, from_input, from_hidden, sum, hidden }) {
  const short = (value) => number(value, 4), inner = (value) => (value < 0 ? `(${short(value)})` : short(value));
  const product = (row, W, j) => row.map((value, i) => `${inner(value)}\u00a0·\u00a0${inner(W[i][j])}`).join(" + ");
  const units = (f) => [f(0), f(1)];
  return [
    ["x Wₓₕ", "the word", units((j) => [product(x, w_xh, j), short(from_input[j])])],
    ["h Wₕₕ", "the state before", units((j) => [product(before, w_hh, j), short(from_hidden[j])])],
    ["b", "the bias", units((j) => ["", short(b[j])])],
    ["sum", "", units((j) => [[from_input[j], from_hidden[j], b[j]].map(inner).join(" + "), short(sum[j])])],
    ["tanh", "the new state", units((j) => [`tanh(${short(sum[j])})`, short(hidden[j])])],
  ];
}

const TRAITS = ["x", "words", "w_xh", "w_hh", "b", "sentence", "step"];

function render({ model, el }) {
  const read = () => Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const go = (step) => put(model, { step: clamp(step, 0, compute(read()).steps.length) });
  const button = (words, by) => html("button", { type: "button", class: "gf-button",
    onclick: () => go(compute(read()).step + by) }, words);
  const [back, next] = [button("← Back", -1), button("Next word →", 1)];
  const fieldId = uniqueId("sentence");
  const field = html("input", { type: "text", id: fieldId, class: "field", autocomplete: "off", spellcheck: "false",
    oninput: () => put(model, { sentence: field.value }) });
  const cells = html("div", { class: "cells", role: "group", "aria-label": "The cell at each word" });
  const body = html("tbody"), caption = html("caption");
  const head = ["", "unit 1", "unit 2"].map((words) => (words ? html("th", { scope: "col" }, words) : html("td")));
  const table = html("table", {}, caption, html("thead", {}, html("tr", {}, ...head)), body);
  const plane = svg("svg", { viewBox: "0 0 340 352", role: "img",
    "aria-label": "The hidden state as a point: unit 1 to the right, unit 2 up, each from −1 to 1." });
  const { node: sentence, say: announce, stop } = liveRegion(400); // while a sentence is typed, it waits
  const title = (words) => html("p", { class: "gf-title" }, words);
  const root = html("div", { class: "gf gf-recurrent" },
    html("div", { class: "gf-controls" },
      html("div", { class: "typed" }, html("label", { for: fieldId, class: "gf-label" }, "Sentence"), field),
      html("div", { class: "buttons" }, back, next)),
    title("The same cell at every word"), cells, sentence,
    html("div", { class: "panels" }, html("div", {}, table),
      html("div", {}, title("Where the hidden state is"), plane)));
  el.append(root);

  /** One cell for the start and one for each word; those that stay keep the focus they have. */
  function drawCells({ steps, step }) {
    while (cells.children.length > steps.length + 1) cells.lastChild.remove();
    while (cells.children.length < steps.length + 1) {
      const t = cells.children.length;
      cells.append(html("button", { type: "button", class: "cell", onclick: () => go(t) },
        html("span", { class: "state" }, html("span"), html("span")), html("span", { class: "word" })));
    }
    [...cells.children].forEach((cell, t) => {
      const h = t ? steps[t - 1].hidden : [0, 0], word = t ? steps[t - 1].word : "start";
      set(cell, { "aria-current": t === step ? "step" : null,
        "aria-label": `Step ${t}: ${word}, hidden state ${h.map((value) => number(value)).join(" and ")}` });
      cell.classList.toggle("ahead", t > step);
      h.forEach((value, j) => (cell.querySelectorAll(".state span")[j].textContent = number(value, 2, true)));
      cell.querySelector(".word").textContent = word;
    });
  }

  const unfollow = follow(model, TRAITS, () => {
    const state = read(), result = compute(state), { steps, step } = result;
    if (field.value !== state.sentence) field.value = state.sentence;
    set(back, { "aria-disabled": step ? null : "true" });
    set(next, { "aria-disabled": step < steps.length ? null : "true" });
    drawCells(result);
    drawPlane(plane, result);
    const now = steps[step - 1];
    caption.textContent = now ? `Step ${step}, “${now.word}”: tanh(x Wₓₕ + h Wₕₕ + b)` : "Before the first word: h = 0";
    body.replaceChildren(...(now ? calculation(state, now) : []).map(([name, what, units]) =>
      html("tr", {}, html("th", { scope: "row" }, name, html("small", {}, what)), ...units.map(([sum, value]) =>
        html("td", {}, html("span", { class: "sum" }, sum), html("b", {}, value))))));
    announce(`${result.sentence} ${result.note}`.trim());
  });
  return () => {
    unfollow();
    stop();
    root.remove();
  };
}

export { compute };
export default { render };
