// Which tokens survive temperature, top-k, top-p and min-p. 40 tokens are known one by one, all others as one rest.

const MOST = 40, SHOWN = 12;

/** The filters in the library's order. Pure, so that a test can hold it against the library. `inside`: the cut falls
 *  among the tokens of the rest, which are kept whole then, so that mass and entropy are upper ends. */
function filter({ logs, rest, spread }, { temperature, top_k, top_p, min_p }) {
  const at = Math.round(10 * temperature) - 1, scaled = [...logs.map((x) => x / temperature), rest[at]];
  const top = Math.max(...scaled), weights = scaled.map((x) => Math.exp(x - top));
  const all = weights.reduce((a, b) => a + b, 0), before = weights.map((x) => x / all);
  const keep = before.map((_, i) => (i < MOST ? i < top_k : top_k > MOST));
  let inside = false;
  if (top_p < 1) { // of what top-k left
    const mass = before.reduce((sum, p, i) => sum + (keep[i] ? p : 0), 0);
    let sum = 0;
    for (let i = 0; i <= MOST; i++) {
      if (!keep[i]) continue;
      if (i && sum >= top_p) keep[i] = false;
      sum += before[i] / mass;
    }
    inside = keep[MOST];
  }
  if (min_p > 0) {
    for (let i = 0; i < MOST; i++) keep[i] &&= logs[i] - logs[0] >= temperature * Math.log(min_p);
    keep[MOST] &&= keep[MOST - 1];
    inside = keep[MOST];
  }
  const mass = before.reduce((sum, p, i) => sum + (keep[i] ? p : 0), 0);
  const after = before.map((p, i) => (keep[i] ? p / mass : 0));
  const entropy = after.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0) + after[MOST] * spread[at];
  return { before, after, keep, mass, entropy: Math.max(entropy, 0), inside };
}

function compute({ distributions, prompt, ...rules }) {
  const one = distributions.find((each) => each.prompt === prompt), result = filter(one, rules);
  return { ...result, tokens: one.tokens, sentence: say(one, result) };
}

const shown = (token) => `“${token.replaceAll("\n", "↵").replaceAll("\t", "⇥").replace(/^ | $/g, "␣")}”`;
/** A share in percent, and never a false 0 or 100. */
function percent(p) {
  if (p > 0 && p < 0.0005) return "less than 0.1 %";
  if (p < 1 - 1e-9 && p >= 0.9995) return "more than 99.9 %";
  return `${number(100 * p, 1)} %`;
}

function say({ tokens }, { after, keep, mass, entropy, inside }) {
  const count = keep.slice(0, MOST).filter(Boolean).length;
  const who = keep[MOST] ? `The ${MOST} most likely tokens and ${inside ? "some of the" : "all"} others survive`
    : count === 1 ? "One token survives" : `${count} tokens survive`;
  const most = inside ? "at most " : "";
  return `${who}, with ${most}${percent(mass)} of the mass. Entropy ${most}${number(entropy)} nats. ` +
    `The most likely token, ${shown(tokens[0])}, now has ${inside ? "at least " : ""}${percent(after[0])}.`;
}

const WIDTH = 400, ROW = 26, LEFT = 124, RIGHT = 330;

function drawBars(root, { tokens, before, after, keep }) {
  const most = Math.max(...before, ...after), across = (p) => ((RIGHT - LEFT) * p) / most;
  const places = [...Array(SHOWN).keys()];
  const between = (list) => list.slice(SHOWN, MOST).reduce((a, b) => a + b, 0);
  const rows = [
    ...places.map((i) => [shown(tokens[i]).slice(0, 15), before[i], after[i], keep[i]]),
    [`${MOST - SHOWN} more`, between(before), between(after), keep.slice(SHOWN, MOST).some(Boolean)],
    ["all others", before[MOST], after[MOST], keep[MOST]],
  ];
  const biggest = Math.max(most, ...rows.map((row) => Math.max(row[1], row[2])));
  const length = (p) => (across(p) * most) / biggest;
  root.replaceChildren(...rows.flatMap(([name, p, q, kept], i) => {
    const y = 6 + i * ROW;
    return [
      svg("text", { x: LEFT - 8, y: y + 15, "text-anchor": "end", class: kept ? "" : "gf-soft cut" }, name),
      svg("rect", { x: LEFT, y: y + 2, width: length(q), height: 18, class: "after" }),
      svg("rect", { x: LEFT, y: y + 2, width: Math.max(length(p), 0.5), height: 18, class: "before" }),
      svg("text", { x: RIGHT + 8, y: y + 15, class: kept ? "" : "gf-soft" }, kept ? percent(q).replace("less than", "<")
        .replace("more than", ">") : "cut"),
    ];
  }));
}

function render({ model, el }) {
  const names = ["distributions", "prompt", "temperature", "top_k", "top_p", "min_p"];
  const read = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const id = uniqueId("prompt");
  const choice = html("select", { id, onchange: () => put(model, { prompt: choice.value }) },
    ...model.get("distributions").map(({ prompt }) => html("option", { value: prompt }, `${prompt} …`)));
  const round = (x) => Number(x.toFixed(2));
  const sliders = {
    temperature: slider({ label: "Temperature", min: 0.1, max: 2, step: 0.1, digits: 1,
      oninput: (x) => put(model, { temperature: Number(x.toFixed(1)) }) }),
    top_k: slider({ label: "Top-k (41: off)", min: 1, max: 41, step: 1, digits: 0,
      oninput: (x) => put(model, { top_k: x }) }),
    top_p: slider({ label: "Top-p (1: off)", min: 0.05, max: 1, step: 0.05,
      oninput: (x) => put(model, { top_p: round(x) }) }),
    min_p: slider({ label: "Min-p (0: off)", min: 0, max: 0.5, step: 0.01,
      oninput: (x) => put(model, { min_p: round(x) }) }),
  };
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${12 + ROW * (SHOWN + 2)}`, role: "img",
    "aria-label": "Bars: the probability of each token after the rules. Outlines: before the cuts." });
  const { node: sentence, say: announce, stop } = liveRegion();
  const root = html("div", { class: "gf gf-sampling" },
    html("div", { class: "choose" }, html("label", { for: id, class: "gf-label" }, "The text so far"), choice),
    html("div", { class: "gf-controls rules" }, ...Object.values(sliders).map((each) => each.node)),
    picture, sentence,
    html("p", { class: "hint" }, "Outline: the probability after temperature. Filled: after the cuts, divided by what " +
      "is kept. ␣ is a space, ↵ a new line."));
  el.append(root);

  const unfollow = follow(model, names, () => {
    const state = read(), result = compute(state);
    drawBars(picture, result);
    choice.value = state.prompt;
    for (const [name, each] of Object.entries(sliders)) each.show(state[name]);
    announce(result.sentence);
  });
  return () => {
    unfollow();
    stop();
    root.remove();
  };
}

export { compute };
export default { render };
