// A network 3-2-1 reads an e-mail. x = [exclamation marks, money words, requests]; w1 is [feature][unit], as in x w1.

const sigmoid = (z) => (z < 0 ? Math.exp(z) / (1 + Math.exp(z)) : 1 / (1 + Math.exp(-z)));
const ACTIVATIONS = { tanh: Math.tanh, sigmoid, relu: (z) => Math.max(z, 0) };
const KINDS = { // of what is counted, in the order of the features, one and many
  mark: ["exclamation mark", "exclamation marks"], money: ["money word", "money words"], ask: ["request", "requests"],
};

/** The text in pieces: each counted word or mark with its kinds, and what stands between them. */
function pieces(text, { money, ask }) {
  const made = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(/[a-z']+|!/gi)) {
    const word = found.toLowerCase();
    const counted = { mark: word === "!", money: money.includes(word), ask: ask.includes(word) };
    const kinds = Object.keys(KINDS).filter((kind) => counted[kind]);
    if (!kinds.length) continue;
    if (index > end) made.push({ text: text.slice(end, index), kinds: [] });
    made.push({ text: found, kinds });
    end = index + found.length;
  }
  if (end < text.length) made.push({ text: text.slice(end), kinds: [] });
  return made;
}

/** Everything the figure says about a state: pure, so that a test can hold it against the library. */
function compute(state) {
  const { w1, b1, w2, b2 } = state.weights, read = pieces(state.text, state);
  const features = Object.keys(KINDS).map((kind) => read.filter(({ kinds }) => kinds.includes(kind)).length);
  const sent = [w1.map((row, i) => row.map((w) => w * features[i]))];
  const sums = b1.map((bias, j) => sent[0].reduce((total, row) => total + row[j], bias));
  const hidden = sums.map(ACTIVATIONS[state.activation]);
  sent.push(w2.map((w, j) => [w * hidden[j]]));
  const z = sent[1][0][0] + sent[1][1][0] + b2, p = sigmoid(z);
  const result = { pieces: read, features, sent, sums, hidden, z, p, spam: p >= 0.5 };
  return { ...result, sentence: say(state, result) };
}

/** A probability in words that never says 0, 1 or a false 0.5. */
const chance = (p) =>
  p < 0.005 ? "under 0.01" : p > 0.995 ? "over 0.99" : p < 0.5 && p >= 0.495 ? "under 0.5" : number(p);
const verdict = (spam) => (spam ? "spam" : "not spam");

function say({ text, emails, selected }, { features, p, spam }) {
  const counts = Object.values(KINDS).map(([one, many], i) => `${features[i]} ${features[i] === 1 ? one : many}`);
  const { text: original, label } = emails[selected];
  const found = `${counts.join(", ")}: ${chance(p)}, ${verdict(spam)}.`;
  const wrong = spam === Boolean(label) ? "" : ": the network is wrong";
  return text === original ? `${found} Its label is ${verdict(label)}${wrong}.` : found;
}

const text = (x, y, words, attributes = {}) => svg("text", { x, y, "text-anchor": "middle", ...attributes }, words);
const PLACES = [[[46, 54], [46, 160], [46, 266]], [[206, 106], [206, 214]], [[316, 160]]];
const SHORT = ["! marks", "money", "requests"];

/** Three columns of circles; a line is as wide as what it sends on, orange if it raises the sum, else dashed. */
function drawNetwork(root, { weights }, { features, sent, hidden, p }) {
  const lines = [], labels = [];
  sent.forEach((matrix, layer) => matrix.forEach((row, i) => row.forEach((value, j) => {
    const [x1, y1] = PLACES[layer][i], [x2, y2] = PLACES[layer + 1][j], shown = number(value);
    const way = value > 0 ? "up" : value < 0 ? "down" : "none", width = Math.min(9, 0.8 + 1.6 * Math.abs(value));
    lines.push(svg("line", { x1, y1, x2, y2, "stroke-width": width, class: way }));
    const t = !layer && i === 2 * (1 - j) ? 0.3 : 0.45; // where lines do not cross
    labels.push(text(x1 + t * (x2 - x1), y1 + t * (y2 - y1) + 4, value > 0 ? `+${shown}` : shown, { class: "sent" }));
  })));
  const circle = ([x, y], value, name, kind = "") => svg("g", { class: `unit ${kind}` },
    svg("circle", { cx: x, cy: y, r: 23 }),
    text(x, y + 5, value), text(x, y + 38, name, { class: "gf-soft" }));
  root.replaceChildren(...lines, ...labels,
    ...["features", "hidden", "output"].map((words, k) => text(PLACES[k][0][0], 16, words, { class: "head" })),
    ...Object.keys(KINDS).map((kind, i) => circle(PLACES[0][i], number(features[i]), SHORT[i], kind)),
    ...hidden.map((value, j) => circle(PLACES[1][j], number(value, 2, true), `bias ${number(weights.b1[j])}`)),
    circle(PLACES[2][0], number(p, 2, true), `bias ${number(weights.b2)}`, "out"));
}

const TRAITS = ["weights", "activation", "money", "ask", "emails", "selected", "text"];
const brief = ({ text, label }) => `${verdict(label)}: ${text.length > 60 ? `${text.slice(0, 58)}…` : text}`;

function render({ model, el }) {
  const read = () => Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const choose = (selected) => put(model, { selected, text: model.get("emails")[selected].text });
  const [selectId, areaId] = [uniqueId("email"), uniqueId("text")];
  const select = html("select", { id: selectId, class: "gf-select", onchange: () => choose(Number(select.value)) });
  const area = html("textarea", { id: areaId, rows: 4, spellcheck: "false",
    oninput: () => put(model, { text: area.value }) });
  const reset = html("button", { type: "button", class: "gf-button", onclick: () => choose(model.get("selected")) },
    "Back to its own text");
  const marked = html("p", { class: "marked" }), words = html("p", { class: "words" });
  const network = svg("svg", { viewBox: "0 0 360 322", role: "img",
    "aria-label": "The network: features to the left, two hidden units, the output to the right." });
  const bar = html("div", { class: "fill" }), result = html("span", { class: "result" });
  const { node: sentence, say: announce, stop } = liveRegion(400); // while a text is typed, it waits
  const title = (words) => html("p", { class: "gf-title" }, words);
  const key = Object.entries(KINDS).map(([kind, [, name]]) => html("span", { class: `k-${kind}` }, name));
  const root = html("div", { class: "gf gf-spam" }, html("div", { class: "panels" },
    html("div", { class: "mail" },
      html("div", { class: "gf-controls" },
        html("label", { for: selectId, class: "gf-label" }, "E-mail"), select,
        html("label", { for: areaId, class: "gf-label" }, "Its text, which you can change"), area,
        html("div", {}, reset)),
      title("What is counted"), marked, html("p", { class: "key" }, ...key),
      html("details", {}, html("summary", {}, "Which words are counted?"), words)),
    html("div", { class: "net" }, title("What each value sends on"), network,
      html("p", { class: "hint" }, "A number on a line is weight · value. " +
        "Lines that raise the next sum are orange; lines that lower it are teal and dashed."))),
    html("div", { class: "verdict", "aria-hidden": "true" },
      title("The probability of spam"), html("div", { class: "bar" }, bar), html("div", { class: "ends" },
        html("span", {}, "0"), html("span", {}, "½: spam from here"), html("span", {}, "1")), result),
    sentence);
  el.append(root);

  let listed = null;
  const unfollow = follow(model, TRAITS, () => {
    const state = read(), got = compute(state), list = JSON.stringify([state.emails, state.money, state.ask]);
    if (list !== listed) {
      select.replaceChildren(...state.emails.map((email, i) => html("option", { value: i }, brief(email))));
      words.textContent = `Money words: ${state.money.join(", ")}. Requests: ${state.ask.join(", ")}.`;
    }
    listed = list;
    select.value = state.selected;
    if (area.value !== state.text) area.value = state.text;
    reset.toggleAttribute("disabled", state.text === state.emails[state.selected].text);
    marked.replaceChildren(...got.pieces.map(({ text: words, kinds }) =>
      kinds.length ? html("mark", { class: kinds.map((kind) => `k-${kind}`).join(" ") }, words) : words));
    drawNetwork(network, state, got);
    bar.style.width = `${100 * got.p}%`;
    root.classList.toggle("is-spam", got.spam);
    result.textContent = `${chance(got.p)}: ${verdict(got.spam)}`;
    announce(got.sentence);
  });
  return () => {
    unfollow();
    stop();
    root.remove();
  };
}

export { compute };
export default { render };
