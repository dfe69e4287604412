// Trained networks of several widths and depths, and the region that each gives to class 1.
// W is [from][to], as in x W + b.

const GRID = 72, REACH = 1.1, SHADES = 8; // cells each way, the plane from −REACH to REACH, shades of the output
const sigmoid = (z) => 1 / (1 + Math.exp(-z));

/** The output z of a network for one row of inputs: tanh between the layers, none at the end. */
const output = (weights, x) => weights.reduce((h, [W, b], k) => {
  const sums = b.map((bias, j) => h.reduce((total, value, i) => total + value * W[i][j], bias));
  return k < weights.length - 1 ? sums.map(Math.tanh) : sums;
}, x)[0];

const sizes = (networks, name) => [...new Set(networks.map((network) => network[name]))].sort((a, b) => a - b);
const problems = (networks) => [...new Set(networks.map(({ problem }) => problem))];
const find = (networks, problem, width, depth) =>
  networks.find((n) => n.problem === problem && n.width === width && n.depth === depth);
/** The number of parameters, and the sum that gives it: layer by layer, weights and biases. */
function count(width, depth) {
  const between = depth > 1 ? ` + ${depth > 2 ? `${depth - 1} · ` : ""}(${width} · ${width} + ${width})` : "";
  const total = 3 * width + (depth - 1) * (width * width + width) + width + 1;
  return { parameters: total, formula: `(2 · ${width} + ${width})${between} + (${width} · 1 + 1) = ${total}` };
}

/** Of the accuracies over seeds: the lowest, the one in the middle, the highest. */
function spread(accuracies) {
  const sorted = accuracies.toSorted((a, b) => a - b), half = sorted.length / 2;
  const middle = (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
  return { low: sorted[0], middle, high: sorted.at(-1) };
}

/** Everything the figure says about a state: pure, so that a test can hold it against the library. */
function compute({ networks, points, problem, width, depth }) {
  const { weights, accuracies } = find(networks, problem, width, depth), tested = points[problem];
  const z = tested.map(([x, y]) => output(weights, [x, y]));
  const right = z.map((value, i) => value >= 0 === (tested[i][2] === 1));
  const { parameters, formula } = count(width, depth), seeds = spread(accuracies);
  const correct = right.filter(Boolean).length, share = (x) => number(x, 3);
  const layers = depth === 1 ? "1 hidden layer" : `${depth} hidden layers`;
  const over = seeds.low === seeds.high ? `always ${share(seeds.low)}`
    : `from ${share(seeds.low)} to ${share(seeds.high)}, with median ${share(seeds.middle)}`;
  const name = problem[0].toUpperCase() + problem.slice(1);
  const sentence = `${name}, ${layers} of ${width} units, ${parameters} parameters: ` +
    `this network is right on ${correct} of ${tested.length} test points. ` +
    `With ${accuracies.length} seeds the accuracy was ${over}.`;
  return { z, right, correct, parameters, formula, ...seeds, sentence };
}

/** The shade of each cell of the plane, row by row from the top: from 0, surely class 0, to SHADES − 1. */
function shades(weights) {
  const middle = (i) => REACH * ((2 * (i + 0.5)) / GRID - 1), line = Array.from({ length: GRID }, (_, i) => middle(i));
  return line.map((y) => line.map((x) => Math.min(SHADES - 1, Math.floor(SHADES * sigmoid(output(weights, [x, -y]))))));
}

const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);
const PLOT = { left: 30, top: 8, size: 300 };
const place = ([x, y]) => [PLOT.left + (PLOT.size * (x / REACH + 1)) / 2, PLOT.top + (PLOT.size * (1 - y / REACH)) / 2];

/** One path for each shade; cells side by side in a row are one rectangle. */
function drawGround(weights) {
  const cell = PLOT.size / GRID, paths = Array.from({ length: SHADES }, () => "");
  shades(weights).forEach((row, r) => {
    for (let from = 0, to = 0; from < GRID; from = to) {
      while (to < GRID && row[to] === row[from]) to++;
      const [x, y, wide] = [PLOT.left + from * cell, PLOT.top + r * cell, (to - from) * cell].map((v) => v.toFixed(2));
      paths[row[from]] += `M${x} ${y}h${wide}v${cell.toFixed(2)}h-${wide}z`;
    }
  });
  return paths.map((d, k) => {
    const far = Math.abs(2 * (k + 0.5) / SHADES - 1); // how sure the network is
    const color = `ground c${Number(2 * k >= SHADES)}`;
    return svg("path", { d, class: color, "fill-opacity": (0.1 + 0.4 * far).toFixed(2) });
  });
}

function mark([x, y], label, wrong, size = 3.6) {
  const body = label ? svg("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size, rx: 1 })
    : svg("circle", { cx: x, cy: y, r: size });
  const r = size + 2, d = `M${x - r} ${y - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`;
  return svg("g", { class: `mark c${label}` }, body, ...(wrong ? [svg("path", { d, class: "cross" })] : []));
}

function drawPlane(root, { networks, points, problem, width, depth }, { right }) {
  const { weights } = find(networks, problem, width, depth), order = points[problem].map((_, i) => i);
  order.sort((i, j) => right[j] - right[i]); // the wrong ones on top
  root.replaceChildren(...drawGround(weights),
    svg("rect", { x: PLOT.left, y: PLOT.top, width: PLOT.size, height: PLOT.size, class: "frame" }),
    ...[-1, 0, 1].map((t) => text(place([t, 0])[0], 324, number(t), { "text-anchor": "middle" })),
    ...[-1, 0, 1].map((t) => text(25, place([0, t])[1] + 4, number(t), { "text-anchor": "end" })),
    ...order.map((i) => mark(place(points[problem][i]), points[problem][i][2], !right[i])));
}

/** All widths and depths of the problem: the median accuracy over the seeds, its range, the number of parameters. */
function tableRows({ networks, problem, width, depth }) {
  return sizes(networks, "depth").map((row) => html("tr", {}, html("th", { scope: "row" }, `depth ${row}`),
    ...sizes(networks, "width").map((column) => {
      const { low, middle, high } = spread(find(networks, problem, column, row).accuracies);
      const now = row === depth && column === width;
      return html("td", { class: now && "now", "aria-current": now && "true" }, html("b", {}, number(middle, 3, true)),
        html("small", {}, low === high ? "every seed" : `${number(low, 3)}–${number(high, 3)}`),
        html("small", {}, `${count(column, row).parameters} parameters`));
    })));
}

const TRAITS = ["networks", "points", "problem", "width", "depth"];

function render({ model, el }) {
  const read = () => Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const networks = model.get("networks"), group = uniqueId("problem");
  const radios = problems(networks).map((name) =>
    html("input", { type: "radio", name: group, value: name, onchange: () => put(model, { problem: name }) }));
  const sliders = ["width", "depth"].map((name) => {
    const steps = sizes(networks, name), last = steps.length - 1;
    const label = { width: "width: units in a layer", depth: "depth: hidden layers" }[name];
    const oninput = (i) => put(model, { [name]: steps[Math.min(i, last)] });
    const made = slider({ label, min: 0, max: Math.max(last, 1), step: 1, digits: 0, oninput });
    const show = (value) => {
      made.show(steps.indexOf(value));
      made.node.querySelector("output").textContent = value;
      made.input.setAttribute("aria-valuetext", value);
    };
    return { node: made.node, name, show };
  });
  const plane = svg("svg", { viewBox: "0 0 340 332", role: "img",
    "aria-label": "The plane of the two inputs with the test points, shaded by the answer of the network." });
  const caption = html("caption"), body = html("tbody"), formula = html("span");
  const head = [html("td"), ...sizes(networks, "width").map((width) => html("th", { scope: "col" }, `width ${width}`))];
  const table = html("table", {}, caption, html("thead", {}, html("tr", {}, ...head)), body);
  const { node: sentence, say: announce, stop } = liveRegion();
  const icon = (words, drawing) =>
    html("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, drawing), words);
  const patch = (c) => svg("rect", { x: 1, y: 2, width: 14, height: 12, class: `ground c${c}`, "fill-opacity": 0.45 });
  const root = html("div", { class: "gf gf-boundary" },
    html("div", { class: "gf-controls" },
      html("fieldset", { class: "gf-choice" }, html("legend", { class: "gf-label" }, "Problem"),
        ...radios.map((radio) => html("label", { class: "gf-check" }, radio, radio.value))),
      html("div", { class: "sliders" }, ...sliders.map(({ node }) => node))),
    sentence,
    html("div", { class: "panels" },
      html("div", {}, html("p", { class: "gf-title" }, "Test points, and what the network answers"), plane,
        html("p", { class: "key" },
          icon("class 1", mark([8, 8], 1, false, 5)), icon("class 0", mark([8, 8], 0, false, 5)),
          icon("wrong", mark([8, 8], 0, true, 4)), icon("answer 1", patch(1)), icon("answer 0", patch(0)))),
      html("div", {}, table, html("p", { class: "formula" }, "Parameters here: ", formula))));
  el.append(root);

  const unfollow = follow(model, TRAITS, () => {
    const state = read(), result = compute(state);
    drawPlane(plane, state, result);
    for (const radio of radios) radio.checked = radio.value === state.problem;
    for (const { name, show } of sliders) show(state[name]);
    caption.textContent = `${state.problem}: accuracy, the median and range over the seeds`;
    body.replaceChildren(...tableRows(state));
    formula.textContent = result.formula;
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
