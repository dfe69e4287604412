// How two hidden ReLU units fold the plane: the four cases of a gate before and after the fold.
// A point is [x, y]; [a, b, c] is the function a·x + b·y + c of it. W is [input][unit], as in x W.

const CASES = [[0, 0], [0, 1], [1, 0], [1, 1]];
const GATES = { XOR: [0, 1, 1, 0], AND: [0, 0, 0, 1], OR: [0, 1, 1, 1], NAND: [1, 1, 1, 0], XNOR: [1, 0, 0, 1] };
const box = (low, high) => [[low, low], [high, low], [high, high], [low, high]];
const SQUARE = box(-0.5, 1.5);
const RATE = 0.2, STEPS = 100; // larger steps kill units more often, smaller ones need many more clicks
const PRESETS = {
  "Solved by hand": () =>
    ({ W: [[1, 1], [1, 1]], c: [0, -1], v: [1, -2], d: 0, gate: "XOR", bend: true, biases: true }),
  "All weights 1": () => ({ W: [[1, 1], [1, 1]], v: [1, 1] }),
  "|x₁ − x₂|": () => ({ W: [[1, -1], [-1, 1]], c: [0, 0], v: [1, 1], d: 0, gate: "XOR", bend: true }),
  Random: (random = Math.random) => { // what nn.Linear gives for two inputs
    const draw = () => (2 * random() - 1) / Math.SQRT2, two = () => [draw(), draw()];
    return { W: [two(), two()], c: two(), v: two(), d: draw() };
  },
};

const at = ([a, b, c], [x, y]) => a * x + b * y + c;
const between = (p, q, t) => p.map((x, k) => x + t * (q[k] - x));

/** Where the line f = 0 meets the edges of a convex polygon: two points, or none. */
function cross(polygon, f) {
  return polygon.flatMap((p, i) => {
    const q = polygon[(i + 1) % polygon.length], [fp, fq] = [at(f, p), at(f, q)];
    return fp < 0 !== fq < 0 ? [between(p, q, fp / (fp - fq))] : [];
  });
}

/** The part of a convex polygon where f ≥ 0. */
function clip(polygon, f) {
  return polygon.flatMap((p, i) => {
    const q = polygon[(i + 1) % polygon.length], [fp, fq] = [at(f, p), at(f, q)];
    return [...(fp >= 0 ? [p] : []), ...(fp >= 0 !== fq >= 0 ? [between(p, q, fp / (fp - fq))] : [])];
  });
}

/** The sums of the two units as functions of the plane, then the output as one of [h₁, h₂]; biases may be off. */
function network({ W, c, v, d, biases }) {
  const units = [0, 1].map((j) => [W[0][j], W[1][j], biases ? c[j] : 0]);
  return { units, output: [...v, biases ? d : 0] };
}

function forward(state, x) {
  const { units, output } = network(state);
  const sums = units.map((unit) => at(unit, x));
  const h = state.bend ? sums.map((sum) => Math.max(sum, 0)) : sums;
  return { sums, h, out: at(output, h) };
}

/** The square cut along both folds. In a piece each unit is on or off, so the output is one plane over it. */
function pieces(state) {
  const { units, output: [v1, v2, d] } = network(state);
  const side = (unit, on) => unit.map((x) => (on ? x : -x));
  return (state.bend ? CASES : [[1, 1]]).map(([on1, on2]) => ({
    polygon: state.bend ? clip(clip(SQUARE, side(units[0], on1)), side(units[1], on2)) : SQUARE,
    out: [0, 1, 2].map((k) => on1 * v1 * units[0][k] + on2 * v2 * units[1][k] + (k === 2 ? d : 0)),
  })).filter(({ polygon }) => polygon.length > 2);
}

const above = ([a, b, c]) => [a, b, c - 0.5]; // the answer is 1 where this is not below 0

/** Everything the figure says about a state: pure, so that a test can hold it against the library. */
function compute(state) {
  const parts = CASES.map((x) => forward(state, x)), wanted = GATES[state.gate];
  const [sums, hidden, out] = ["sums", "h", "out"].map((name) => parts.map((part) => part[name]));
  const answer = out.map((value) => Number(value >= 0.5));
  const correct = answer.filter((value, i) => value === wanted[i]).length;
  const loss = out.reduce((total, value, i) => total + (value - wanted[i]) ** 2 / 4, 0);
  const all = pieces(state);
  const regions = all.map(({ polygon, out: f }) => clip(polygon, above(f))).filter((polygon) => polygon.length > 2);
  const border = all.map(({ polygon, out: f }) => cross(polygon, above(f))).filter((ends) => ends.length === 2);
  const sheet = all.map(({ polygon }) => polygon.map((p) => forward(state, p).h));
  const folds = network(state).units.map((unit) => (state.bend ? cross(SQUARE, unit) : []));
  const result = { sums, hidden, out, answer, wanted, correct, loss, regions, border, sheet, folds };
  return { ...result, sentence: say(state, result) };
}

const name = ([x1, x2]) => `(${x1},${x2})`;
const shown = (out) => (out < 0.5 && Number(out.toFixed(2)) >= 0.5 ? "under 0.5" : number(out)); // never a false 0.5
const small = (loss) => (loss > 0 && loss < 0.0005 ? "under 0.001" : number(loss, 3));

function say(state, { sums, out, wanted, correct }) {
  const { W, v, gate, bend, biases } = state, reasons = [];
  const dead = bend ? [0, 1].filter((j) => sums.every((sum) => sum[j] <= 0)) : [];
  const falls = CASES.some((_, i) => [1, 2].some((bit) => !(i & bit) && wanted[i] > wanted[i | bit]));
  if (correct < 4) {
    if (!bend && (gate === "XOR" || gate === "XNOR"))
      reasons.push("Without a bend the hidden units only tilt the plane: the answer's border is one straight line.");
    if (!biases && wanted[0]) reasons.push("Without biases the output at (0,0) is always 0.");
    else if (falls && [...W.flat(), ...v].every((weight) => weight >= 0))
      reasons.push(`No weight is below 0, so the output cannot fall when an input rises; ${gate} needs it to.`);
    if (dead.length) {
      const [who, whose] = dead.length === 2 ? ["Both units are", "their"] : [`Unit ${dead[0] + 1} is`, "its"];
      reasons.push(`${who} 0 in all four cases, so training cannot move ${whose} weights.`);
    }
  }
  const tally = `${correct} of 4 cases ${correct === 1 ? "is" : "are"} right.`;
  const values = `The output is ${out.map(shown).join(", ")} for ${CASES.map(name).join(", ")}.`;
  return [tally, values, ...reasons].join(" ");
}

/** The weights after that many steps of gradient descent on the mean squared error. What is switched off stays. */
function descend(state, steps = 1, rate = RATE) {
  let { W, c, v, d } = state;
  const { bend, biases, gate } = state, pair = (f) => [f(0), f(1)];
  for (let step = 0; step < steps; step++) {
    const parts = CASES.map((x) => forward({ ...state, W, c, v, d }, x));
    const error = parts.map(({ out }, i) => (out - GATES[gate][i]) / 2); // of the mean: 2 (out − wanted) / 4
    const sum = (f) => CASES.reduce((total, x, i) => total + error[i] * f(x, parts[i]), 0);
    const back = (j, { sums }) => (!bend || sums[j] > 0 ? v[j] : 0); // from the output to the sum of unit j
    const slope = {
      W: pair((k) => pair((j) => sum((x, part) => x[k] * back(j, part)))),
      c: pair((j) => sum((_, part) => back(j, part))), v: pair((j) => sum((_, { h }) => h[j])), d: sum(() => 1),
    };
    W = W.map((row, k) => row.map((weight, j) => weight - rate * slope.W[k][j]));
    v = v.map((weight, j) => weight - rate * slope.v[j]);
    if (biases) [c, d] = [c.map((bias, j) => bias - rate * slope.c[j]), d - rate * slope.d];
  }
  return { W, c, v, d };
}

const PLOT = { left: 34, top: 24, size: 290 };
const scale = (low, high) => ([x, y]) =>
  [x, y].map((value, k) => (k ? PLOT.top : PLOT.left) + PLOT.size * (k ? high - value : value - low) / (high - low));
const path = (points, close = "Z") => `M${points.map((p) => p.map((x) => x.toFixed(1)).join(" ")).join("L")}${close}`;
const shape = (polygons, place, attributes) =>
  svg("path", { d: polygons.map((polygon) => path(polygon.map(place))).join(""), ...attributes });
const rod = (p, q, attributes) => svg("line", { x1: p[0], y1: p[1], x2: q[0], y2: q[1], ...attributes });
const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);

/** A case: a filled square where 1 is wanted, a hollow circle where 0 is; crossed if the answer is wrong. */
function mark([x, y], wanted, wrong, size = 8) {
  const body = wanted
    ? svg("rect", { x: x - size * 0.9, y: y - size * 0.9, width: size * 1.8, height: size * 1.8, rx: 1.5 })
    : svg("circle", { cx: x, cy: y, r: size });
  const r = size * 0.45, d = `M${x - r} ${y - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`;
  return svg("g", { class: `mark c${wanted}` }, body, ...(wrong ? [svg("path", { d, class: "cross" })] : []));
}

function axes(place, ticks, letter) {
  return [
    shape([box(0, PLOT.size)], ([x, y]) => [PLOT.left + x, PLOT.top + y], { class: "frame" }),
    ...ticks.map((x) => text(place([x, 0])[0], 331, number(x), { "text-anchor": "middle" })),
    ...ticks.map((y) => text(28, place([0, y])[1] + 4, number(y), { "text-anchor": "end" })),
    text(PLOT.left, 13, `↑ ${letter}₂`), text(PLOT.left + PLOT.size, 348, `${letter}₁ →`, { "text-anchor": "end" }),
  ];
}

/** The number of a unit near one end of its fold, with an arrow to the side where the unit is above 0. */
function badge(ends, j, [a, b]) {
  const [p, q] = ends.sort((p, q) => p[0] - q[0] || p[1] - q[1]); // two folds on one line keep their names apart
  const [x, y] = between(p, q, j ? 0.88 : 0.12), norm = Math.hypot(a, b), way = [a / norm, -b / norm];
  const on = (far, aside = 0) => [x + way[0] * far - way[1] * aside, y + way[1] * far + way[0] * aside];
  return svg("g", { class: `fold u${j + 1}` }, rod(on(9), on(19), { class: "shaft" }),
    svg("path", { d: path([on(25), on(17, 4.5), on(17, -4.5)]), class: "head" }),
    svg("circle", { cx: x, cy: y, r: 9 }), text(x, y + 4.5, String(j + 1), { "text-anchor": "middle" }));
}

function drawInput(root, state, { regions, border, folds, answer, wanted }) {
  const place = scale(-0.5, 1.5), { units } = network(state);
  const lines = folds.map((ends, j) => [ends.map(place), j]).filter(([ends]) => ends.length);
  root.replaceChildren(
    shape(regions, place, { class: "yes" }), ...axes(place, [-0.5, 0, 0.5, 1, 1.5], "x"),
    ...border.map(([p, q]) => rod(place(p), place(q), { class: "border" })),
    ...lines.map(([ends, j]) => svg("g", { class: `fold u${j + 1}` }, rod(...ends, { class: "line" }))),
    ...lines.map(([ends, j]) => badge(ends, j, units[j])),
    ...CASES.map((x, i) => mark(place(x), wanted[i], answer[i] !== wanted[i])),
    ...CASES.map((x) => {
      const [left, top] = place(x);
      return text(left + (x[0] ? 16 : -16), top + (x[1] ? -13 : 22), name(x), { class: "name" });
    }));
}

function drawHidden(root, clipId, state, { hidden, sheet, answer, wanted }) {
  const low = Math.floor(Math.min(0, ...hidden.flat()) + 1e-9), high = Math.ceil(Math.max(1, ...hidden.flat()) - 1e-9);
  const edge = 0.15 * (high - low), frame = box(low - edge, high + edge), place = scale(low - edge, high + edge);
  const grain = [1, 2, 5, 10, 20, 50, 100].find((step) => (high - low) / step <= 6) ?? high - low;
  const ticks = Array.from({ length: 15 }, (_, i) => (i - 7) * grain).filter((x) => x >= low && x <= high);
  const f = above(network(state).output), yes = clip(frame, f), ends = cross(frame, f);
  const groups = []; // cases that fall on one point stand side by side under one name
  hidden.map(place).forEach((p, i) => {
    const group = groups.find(({ spot }) => Math.hypot(p[0] - spot[0], p[1] - spot[1]) < 14);
    if (group) group.members.push(i);
    else groups.push({ spot: p, members: [i] });
  });
  const names = [], free = (x, y) => names.every((name) => Math.abs(name.x - x) > 110 || Math.abs(name.y - y) > 14);
  const marks = groups.flatMap(({ spot: [x, y], members }) => {
    const half = 29 * members.length - 10; // of the words' width
    const left = clamp(x, PLOT.left + half, PLOT.left + PLOT.size - half);
    const spots = [-15, 24, -30, 39].map((down) => y + down);
    const words = members.map((i) => name(CASES[i])).join(" and ");
    names.push({ x: left, y: spots.find((spot) => free(left, spot)) ?? spots[0], words });
    const shift = (k) => (k - (members.length - 1) / 2) * 18;
    return members.map((i, k) => mark([x + shift(k), y], wanted[i], answer[i] !== wanted[i]));
  });
  const [[from], , [to]] = frame;
  const zero = [rod(place([0, from]), place([0, to])), rod(place([from, 0]), place([to, 0]))];
  root.replaceChildren(
    shape(yes.length ? [yes] : [], place, { class: "yes" }), ...zero.map((node) => set(node, { class: "axis" })),
    svg("g", { "clip-path": `url(#${clipId})` }, shape(sheet, place, { class: "sheet" })), ...axes(place, ticks, "h"),
    ...(ends.length ? [rod(...ends.map(place), { class: "border" })] : []), ...marks,
    ...names.map(({ x, y, words }) => text(x, y, words, { class: "name" })));
}

const GROUPS = [
  ["Unit 1", [["W₁₁, from x₁", "W", 0, 0], ["W₂₁, from x₂", "W", 1, 0], ["c₁, the bias", "c", 0]]],
  ["Unit 2", [["W₁₂, from x₁", "W", 0, 1], ["W₂₂, from x₂", "W", 1, 1], ["c₂, the bias", "c", 1]]],
  ["Output", [["v₁, from unit 1", "v", 0], ["v₂, from unit 2", "v", 1], ["d, the bias", "d"]]],
];
const TRAITS = ["W", "c", "v", "d", "gate", "bend", "biases"];
const dig = (value, [k, ...rest]) => (k === undefined ? value : dig(value[k], rest));
const plant = (old, [k, ...rest], x) => (k === undefined ? x : old.map((v, i) => (i === k ? plant(v, rest, x) : v)));

function render({ model, el }) {
  const read = () => Object.fromEntries(TRAITS.map((trait) => [trait, model.get(trait)]));
  const picture = (label) => svg("svg", { viewBox: "0 0 340 352", role: "img", "aria-label": label });
  const [layer, other] = [svg("g"), svg("g")], clipId = uniqueId("clip");
  const input = picture("Input space: the four cases, the folds of both units, and where the answer is 1.");
  const hidden = picture("Hidden space: the four cases at (h₁, h₂), cut by the line where the output is one half.");
  const hole = shape([box(0, PLOT.size)], ([x, y]) => [PLOT.left + x, PLOT.top + y], {});
  input.append(layer);
  hidden.append(svg("defs", {}, svg("clipPath", { id: clipId }, hole)), other);

  let note = "", frame = null; // what training did, until something else changes; the frame it is in
  const change = (values) => {
    cancelAnimationFrame(frame);
    frame = null;
    note = "";
    put(model, values);
  };
  const sliders = [];
  const group = ([title, rows]) => html("fieldset", { class: "unit" }, html("legend", { class: "gf-title" }, title),
    ...rows.map(([label, trait, ...where]) => {
      const oninput = (x) => change({ [trait]: plant(model.get(trait), where, x) });
      const made = slider({ label, min: -3, max: 3, step: 0.05, oninput });
      made.input.setAttribute("aria-label", `${title}: ${label}`);
      sliders.push({ ...made, trait, where });
      return made.node;
    }));
  const button = (words, onclick) => html("button", { type: "button", class: "gf-button", onclick }, words);
  const gateId = uniqueId("gate");
  const gate = html("select", { id: gateId, class: "gf-select", onchange: () => change({ gate: gate.value }) },
    ...Object.keys(GATES).map((value) => html("option", { value }, value)));
  const [bend, biases] = ["bend", "biases"].map((trait) =>
    html("input", { type: "checkbox", role: "switch", onchange: ({ target }) => change({ [trait]: target.checked }) }));

  const train = () => {
    if (frame !== null) return;
    const before = read(), frames = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : 20;
    const advance = (left) => {
      const weights = descend(read(), STEPS / frames), { W, c, v, d } = weights;
      frame = null;
      if (![...W, c, v, d].flat().every((x) => Math.abs(x) < 1e6)) { // nor if one is no number
        change(Object.fromEntries(Object.keys(weights).map((trait) => [trait, before[trait]])));
        note = "From these weights each step overshoots and the loss grows without end: they are put back. ";
      } else {
        put(model, weights);
        if (left > 1) return (frame = requestAnimationFrame(() => advance(left - 1)));
        const [from, to] = [before, read()].map((state) => small(compute(state).loss));
        note = `${STEPS} steps ${from === to ? "left" : "took"} the error `;
        note += from === to ? `at ${to}. ` : `from ${from} to ${to}. `;
      }
      announce(note + compute(read()).sentence); // nothing is drawn, so nothing said, where no weight has moved
    };
    change({});
    advance(frames);
  };

  const cells = CASES.map((x) => Array.from({ length: 8 }, (_, k) => html("td", {}, k < 2 ? String(x[k]) : "")));
  const rows = cells.map((row) => html("tr", {}, ...row)), caption = html("caption");
  const head = ["x₁", "x₂", "h₁", "h₂", "out", "answer", "wanted", "verdict"];
  const table = html("table", {}, caption, html("thead", {}, html("tr", {},
    ...head.map((words) => html("th", { scope: "col" }, words)))), html("tbody", {}, ...rows));
  const { node: sentence, say: announce, stop } = liveRegion();
  const icon = (words, ...drawing) =>
    html("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, ...drawing), words);
  const patch = (kind) => svg("rect", { x: 1, y: 2, width: 14, height: 12, class: kind });
  const stripe = (kind) => svg("g", { class: kind }, rod([0, 8], [16, 8], { class: "line" }));
  const key = html("p", { class: "key" },
    icon("wanted 1", mark([8, 8], 1, false, 6)), icon("wanted 0", mark([8, 8], 0, false, 6)),
    icon("wrong", mark([8, 8], 0, true, 6)), icon("answer 1: out ≥ ½", patch("yes")),
    icon("fold of unit 1", stripe("fold u1")), icon("fold of unit 2", stripe("fold u2")),
    icon("where the units put the square", patch("sheet")));
  const panel = (words, drawing) => html("div", {}, html("p", { class: "gf-title" }, words), drawing);
  const presets = Object.entries(PRESETS).map(([words, values]) => button(words, () => change(values())));
  const root = html("div", { class: "gf gf-xor" }, html("div", { class: "panels" },
    panel("Input space: (x₁, x₂)", input), panel("Hidden space: the same cases at (h₁, h₂)", hidden),
    key, sentence, html("div", {}, table),
    html("div", { class: "gf-controls" },
      html("div", { class: "presets" }, ...presets, button(`Train ${STEPS} steps`, train)),
      html("div", { class: "switches" }, html("label", { class: "gf-check", for: gateId }, "Gate"), gate,
        ...[[bend, "bend (ReLU)"], [biases, "biases"]].map((what) => html("label", { class: "gf-check" }, ...what))),
      html("div", { class: "units" }, ...GROUPS.map(group)))));
  el.append(root);

  const unfollow = follow(model, TRAITS, () => {
    const state = read(), result = compute(state);
    drawInput(layer, state, result);
    drawHidden(other, clipId, state, result);
    for (const { input: range, show, trait, where } of sliders) {
      const off = !state.biases && (trait === "c" || trait === "d");
      range.disabled = off;
      show(off ? 0 : dig(state[trait], where));
    }
    gate.value = state.gate;
    bend.checked = state.bend;
    biases.checked = state.biases;
    caption.textContent = `${state.gate}, error ${small(result.loss)}`;
    CASES.forEach((_, i) => {
      const right = result.answer[i] === result.wanted[i], { hidden: h, out } = result;
      const words = [...h[i].map((x) => number(x)), shown(out[i]), result.answer[i], result.wanted[i]];
      words.concat(right ? "right" : "wrong").forEach((word, k) => (cells[i][k + 2].textContent = word));
      rows[i].classList.toggle("wrong", !right);
    });
    announce(note + result.sentence);
  });
  return () => {
    cancelAnimationFrame(frame);
    unfollow();
    stop();
    root.remove();
  };
}

export { compute, descend, PRESETS };
export default { render };
