// Activation functions: the value, the slope, and where the slope is nearly 0. z runs from −END to END.

const END = 6, FLAT = 0.05, NEARLY = 0.1; // a slope nearer to 0 than FLAT counts as flat
const sigmoid = (z) => (z < 0 ? Math.exp(z) / (1 + Math.exp(z)) : 1 / (1 + Math.exp(-z)));

/** The error function: 2/√π · e^(−x²) · Σ (2x²)ⁿ x / (1·3·5···(2n+1)). The terms have one sign, so no digit is lost. */
function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x); // to the last digit
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) sum += term *= (2 * x * x) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
const share = (z) => (1 + erf(z / Math.SQRT2)) / 2; // of a normal distribution, below z
const density = (z) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);

/** `at` gives [value, slope]; `range` is what is drawn of the values; `lowest` is the bottom of a dip. */
const FUNCTIONS = {
  sigmoid: { formula: "1 / (1 + e⁻ᶻ)", range: [-1.4, 1.4], at: (z) => [sigmoid(z), sigmoid(z) * sigmoid(-z)] },
  tanh: { formula: "(eᶻ − e⁻ᶻ) / (eᶻ + e⁻ᶻ)", range: [-1.4, 1.4], at: (z) => [Math.tanh(z), 1 / Math.cosh(z) ** 2] },
  ReLU: { formula: "max(0, z)", range: [-1, 6], at: (z) => [Math.max(z, 0), Number(z > 0)] },
  "leaky ReLU": { formula: "z above 0, 0.01 z below", range: [-1, 6], at: (z) => (z > 0 ? [z, 1] : [0.01 * z, 0.01]) },
  GELU: { formula: "z · Φ(z), Φ the share of a normal distribution below z", range: [-1, 6], lowest: -0.17,
    at: (z) => [z * share(z), share(z) + z * density(z)] },
  SiLU: { formula: "z · sigmoid(z)", range: [-1, 6], lowest: -0.278,
    at: (z) => [z * sigmoid(z), sigmoid(z) * (1 + z * sigmoid(-z))] },
};

/** Everything the figure says about a state: pure, so that a test can hold it against PyTorch. */
function compute({ function: name, z }) {
  const [value, slope] = FUNCTIONS[name].at(z), flat = Math.abs(slope) < FLAT;
  return { value, slope, flat, sentence: say(name, z, value, slope) };
}

/** A number with two decimals, but never a false −1, 0 or 1. */
function honest(x) {
  const shown = Number(x.toFixed(2)), off = Math.abs(x - shown) > 1e-12 && [-1, 0, 1].includes(shown);
  return `${off ? "almost " : ""}${number(shown)}`;
}

function say(name, z, value, slope) {
  const size = Math.abs(slope), start = `${name} at ${number(z)}: value ${honest(value)}, slope ${honest(slope)}`;
  if (size >= FLAT) return `${start}${size < NEARLY ? ": nearly flat" : ""}.`;
  const where = z ? "Below 0" : "At 0 PyTorch takes the slope to be 0, and below it";
  if (name === "leaky ReLU")
    return `${start}. Below 0 it is nearly flat, but a hundredth of the gradient still passes.`;
  if (!slope) return `${start}: flat. ${where} no gradient passes.`;
  if (value < FUNCTIONS[name].lowest / 2)
    return `${start}: flat. Here is the bottom of its dip, where the slope changes its sign.`;
  const level = value > 0.5 ? 1 : value < -0.5 ? -1 : 0;
  return `${start}: saturated. The curve runs along ${number(level)}, so nearly no gradient passes.`;
}

const BOX = [[38, 328], [22, 232]]; // the plot
const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);
const across = (z) => BOX[0][0] + ((z + END) / (2 * END)) * (BOX[0][1] - BOX[0][0]);
const up = ([low, high]) => (y) => BOX[1][1] - ((y - low) / (high - low)) * (BOX[1][1] - BOX[1][0]);
const GRID = Array.from({ length: 481 }, (_, i) => (i - 240) / 40);

/** The curve of one of the pair [value, slope]; a jump is not drawn as a line. */
function curve(name, k, y) {
  let last = null;
  return GRID.map((z) => {
    const here = FUNCTIONS[name].at(z)[k], jump = last === null || Math.abs(here - last) > 0.5;
    last = here;
    return `${jump ? "M" : "L"}${across(z).toFixed(1)} ${y(here).toFixed(1)}`;
  }).join("");
}

/** The stretches of z where the slope is flat, as [from, to]. */
function stretches(name) {
  const found = [];
  for (const z of GRID) {
    if (Math.abs(FUNCTIONS[name].at(z)[1]) >= FLAT) continue;
    if (found.length && z - found.at(-1)[1] < 0.03) found.at(-1)[1] = z;
    else found.push([z, z]);
  }
  return found;
}

function drawPlot({ layer, hit }, { function: name, z }, k, { value, slope }, clipId) {
  const range = k ? [-0.25, 1.25] : FUNCTIONS[name].range, y = up(range), here = k ? slope : value;
  const [[left, right], [top, bottom]] = BOX, ticks = k ? [0, 0.5, 1] : range[1] > 2 ? [0, 2, 4, 6] : [-1, 0, 1];
  const tangent = [-END, END].map((end) => [across(end), y(value + slope * (end - z))]);
  const [[x1, y1], [x2, y2]] = tangent;
  set(hit, { cx: across(z), cy: y(here) });
  layer.replaceChildren(
    ...stretches(name).map(([from, to]) => svg("rect", { class: "flat", x: across(from), y: top,
      width: Math.max(across(to) - across(from), 1), height: bottom - top })),
    ...ticks.map((t) => svg("path", { d: `M${left} ${y(t)}H${right}`, class: t ? "grid" : "axis" })),
    svg("path", { d: `M${across(0)} ${top}V${bottom}`, class: "axis" }),
    svg("rect", { x: left, y: top, width: right - left, height: bottom - top, class: "frame" }),
    ...ticks.map((t) => text(left - 6, y(t) + 4, number(t), { "text-anchor": "end" })),
    ...[-6, -4, -2, 0, 2, 4, 6].map((t) => text(across(t), bottom + 16, number(t), { "text-anchor": "middle" })),
    text(right, bottom + 32, "z →", { "text-anchor": "end" }), text(left, 13, k ? "↑ slope" : "↑ value"),
    svg("g", { "clip-path": `url(#${clipId})` }, ...(k ? [] : [svg("line", { x1, y1, x2, y2, class: "tangent" })]),
      svg("path", { d: `M${across(z)} ${top}V${bottom}`, class: "now" }),
      svg("path", { d: curve(name, k, y), class: `curve k${k}` })),
    svg("circle", { cx: across(z), cy: y(here), r: 7, class: "point" }));
}

function render({ model, el }) {
  const read = () => ({ function: model.get("function"), z: model.get("z") });
  const group = uniqueId("function"), clipId = uniqueId("clip");
  const radios = Object.keys(FUNCTIONS).map((name) =>
    html("input", { type: "radio", name: group, value: name, onchange: () => put(model, { function: name }) }));
  const z = slider({ label: "z", min: -END, max: END, step: 0.05, oninput: (x) => put(model, { z: x }) });
  const [[left, right], [top, bottom]] = BOX;
  const names = ["The function and its tangent at the point z.", "The slope of the function at every z."];
  const plots = names.map((label, k) => {
    const layer = svg("g"), hit = svg("circle", { r: 22, class: "hit" }); // no larger, so a finger can still scroll
    const corner = { x: left, y: top, width: right - left, height: bottom - top };
    const clip = svg("clipPath", { id: `${clipId}-${k}` }, svg("rect", corner));
    const picture = { viewBox: "0 0 340 268", role: "img", "aria-label": label };
    const root = svg("svg", picture, svg("defs", {}, clip), layer, hit);
    const move = ({ x }) => { // in steps of 0.05, as the slider
      const z = END * ((2 * (x - left)) / (right - left) - 1);
      put(model, { z: clamp(Math.round(20 * z) / 20, -END, END) });
    };
    drag(hit, root, { move });
    return { layer, hit, root };
  });
  const { node: sentence, say: announce, stop } = liveRegion();
  const formula = html("p", { class: "formula" });
  const panel = (words, { root }) => html("div", {}, html("p", { class: "gf-title" }, words), root);
  const root = html("div", { class: "gf gf-activation" },
    html("fieldset", { class: "gf-choice gf-controls" }, html("legend", { class: "gf-label" }, "Activation function"),
      ...radios.map((radio) => html("label", { class: "gf-check" }, radio, radio.value))),
    formula,
    html("div", { class: "panels" }, panel("The function", plots[0]), panel("Its slope", plots[1])),
    html("div", { class: "gf-controls" }, z.node), sentence,
    html("p", { class: "hint" }, "Shaded: the slope is between −0.05 and 0.05. Drag the point, or use the slider."));
  el.append(root);

  const unfollow = follow(model, ["function", "z"], () => {
    const state = read(), result = compute(state);
    plots.forEach((plot, k) => drawPlot(plot, state, k, result, `${clipId}-${k}`));
    for (const radio of radios) radio.checked = radio.value === state.function;
    formula.textContent = `${state.function}(z) = ${FUNCTIONS[state.function].formula}`;
    z.show(state.z);
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
