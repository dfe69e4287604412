// What weights, bias and activation do: one neuron, three features, seen from above, from the side and along z.
// A point of the plane is [x₁, x₃] in its own units, or [u, v] in 0…1 of both ranges.

const RANGE = [10, 30]; // exclamation marks, capital letters
const BEND = { sigmoid: (z) => 1 / (1 + Math.exp(-z)), step: (z) => (z >= 0 ? 1 : 0), identity: (z) => z };
const LINES = { sigmoid: [[-Math.log(9), "0.1"], [Math.log(9), "0.9"]], step: [], identity: [[-2, "−2"], [2, "2"]] };
const order = (count, rank) => Array.from({ length: count }, (_, i) => i).sort((i, j) => rank(i) - rank(j));

/** The two ends of the line w₁x₁ + w₃x₃ + c = 0 within the plane, left (then lower) end first; null if it is outside. */
function line([w1, , w3], c) {
  const corners = [[0, 0], [RANGE[0], 0], RANGE, [0, RANGE[1]]];
  const height = corners.map(([x, y]) => w1 * x + w3 * y + c);
  const ends = [];
  corners.forEach((p, i) => {
    const q = corners[(i + 1) % 4], [hp, hq] = [height[i], height[(i + 1) % 4]];
    if (hp < 0 !== hq < 0) ends.push(p.map((x, k) => x + ((q[k] - x) * hp) / (hp - hq)));
  });
  return ends.length ? ends.sort((p, q) => p[0] - q[0] || p[1] - q[1]) : null;
}

/** Everything the figure says about a state: pure, so that a test can hold it against NumPy. */
function compute({ points, w, b, free, activation, selected }) {
  const z = points.map(({ x }) => w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + b);
  const out = z.map(BEND[activation]);
  const predicted = activation === "identity" ? z.map((v) => Number(v >= 0)) : out.map((v) => Number(v >= 0.5));
  const correct = predicted.filter((p, i) => p === points[i].label).length;
  const boundary = line(w, w[1] * free + b);
  const sentence = say({ point: points[selected], w, b, activation, boundary, correct, count: points.length },
    z[selected], out[selected], predicted[selected]);
  return { z, out, predicted, correct, boundary, sentence };
}

function say({ point, w, b, activation, boundary, correct, count }, z, out, predicted) {
  const signed = (x, text, first) => (x < 0 ? (first ? "−" : " − ") : first ? "" : " + ") + text;
  const terms = w.map((weight, i) => signed(weight, `${number(Math.abs(weight), 3)}·${number(point.x[i])}`, i === 0));
  const who = point.name ? `“${point.name}”: ` : "";
  const sum = `${who}z = ${terms.join("")}${signed(b, number(Math.abs(b)))} = ${number(z)}`;
  const near = out > 0.995 && out < 1 ? "over 0.99" : out < 0.005 && out > 0 ? "under 0.01" : number(out);
  const result = activation === "identity"
    ? `the output is z itself, ${predicted ? "not below 0" : "below 0"}`
    : `the output is ${activation === "sigmoid" ? near : number(out)}`;
  const verdict = predicted ? "spam" : "not spam";
  const truth = predicted === point.label ? "which is right" : `but it is ${point.label ? "spam" : "not spam"}`;
  const tally = `${correct} of ${count} e-mails are on the right side.`;
  const away = boundary ? "" : " The line z = 0 lies outside the plane shown.";
  return `${sum}, so ${result}: ${verdict}, ${truth}. ${tally}${away}`;
}

/** The part of a polygon of [u, v, z] where sign·z ≥ 0. */
function clip(polygon, sign) {
  return polygon.flatMap((p, i) => {
    const q = polygon[(i + 1) % polygon.length];
    const t = p[2] / (p[2] - q[2]);
    const cut = p[2] * q[2] < 0 ? [[0, 1].map((k) => p[k] + t * (q[k] - p[k])).concat(0)] : [];
    return (sign * p[2] >= 0 ? [p] : []).concat(cut);
  });
}

const path = (points, close = "Z") => `M${points.map((p) => p.map((x) => x.toFixed(1)).join(" ")).join("L")}${close}`;
const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);
const rod = (p, q, attributes) => svg("line", { x1: p[0], y1: p[1], x2: q[0], y2: q[1], ...attributes });

/** An e-mail: a circle (not spam) or a square (spam), hollow if it lives in the other plane, crossed if misjudged. */
function mark([x, y], { label }, { faint = false, wrong = false, chosen = false, size = 6 }) {
  const shape = label
    ? svg("rect", { x: x - size * 0.9, y: y - size * 0.9, width: size * 1.8, height: size * 1.8, rx: 1.5 })
    : svg("circle", { cx: x, cy: y, r: size });
  const r = size * 0.42;
  const cross = svg("path", { d: `M${x - r} ${y - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`, class: "cross" });
  const ring = svg("circle", { cx: x, cy: y, r: size + 5, class: "ring" });
  const parts = [chosen && ring, shape, wrong && cross].filter(Boolean);
  return svg("g", { class: `mark c${label}${faint ? " faint" : ""}` }, ...parts);
}

const PLOT = { left: 34, top: 26, size: 290 }; // the plane, square
const toPlane = ([x, y]) => [PLOT.left + (PLOT.size * x) / RANGE[0], PLOT.top + PLOT.size * (1 - y / RANGE[1])];
const fromPlane = ([x, y]) => [((x - PLOT.left) / PLOT.size) * RANGE[0], (1 - (y - PLOT.top) / PLOT.size) * RANGE[1]];
const slope = (w) => [w[0] * RANGE[0], w[2] * RANGE[1]]; // of z, per width and per height of the plane
const ARROW = 15; // units of the drawing per unit of slope

/** From above: the output as shade, lines of equal output, the boundary with its arrow, the e-mails. */
function drawPlane(layers, { points, w, free, activation, selected }, { predicted, boundary }, c, reach) {
  const corner = { x: PLOT.left, y: PLOT.top, width: PLOT.size, height: PLOT.size };
  const [gu, gv] = slope(w), norm = Math.hypot(gu, gv);
  const shade = (z) => (activation === "identity" ? z / reach : 2 * BEND[activation](z) - 1);
  const stop = (offset, s) =>
    svg("stop", { offset, style: `stop-color: var(--c${Number(s > 0)}); stop-opacity: ${Math.abs(s) * 0.4}` });
  const ground = { fill: `url(#${layers.gradient.id})` };
  if (norm < 1e-6) {
    layers.gradient.replaceChildren(stop(0, shade(c)), stop(1, shade(c)));
  } else {
    const [x0, y0] = [PLOT.left, PLOT.top + PLOT.size]; // here z = c, and z grows by norm² per (gu, −gv) of the plot
    const at = (z) => [x0 + (PLOT.size * gu * (z - c)) / norm ** 2, y0 - (PLOT.size * gv * (z - c)) / norm ** 2];
    const end = activation === "identity" ? reach : 6;
    const [p, q] = [at(-end), at(end)];
    set(layers.gradient, { x1: p[0], y1: p[1], x2: q[0], y2: q[1] });
    const even = Array.from({ length: 25 }, (_, i) => end * (i / 12 - 1));
    const steps = activation === "step" ? [-end, -1e-9, 0, end] : even;
    layers.gradient.replaceChildren(...steps.map((z) => stop((z + end) / (2 * end), shade(z))));
  }
  const lines = [], names = [], middle = toPlane([RANGE[0] / 2, RANGE[1] / 2]);
  for (const [z, name] of [[0, "z = 0"], ...LINES[activation]]) {
    const ends = line(w, c - z)?.map(toPlane);
    if (!ends) continue;
    if (z) lines.push(rod(...ends, { class: "level" }));
    const [dx, dy] = [ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]], long = Math.hypot(dx, dy);
    if (long < 100) continue;
    const [x, y] = [ends[0][0] + 0.16 * dx, ends[0][1] + 0.16 * dy];
    const side = dy * (middle[0] - x) > dx * (middle[1] - y) ? 1 : -1; // a name stands on its line, "z = 0" beside it
    const beside = z ? [0, 0] : [(side * dy * 26) / long, (-side * dx * 14) / long];
    names.push(text(x + beside[0], y + 4 + beside[1], name, { class: "on-line" }));
  }
  const other = w[1] ? line(w, c + (free ? -w[1] : w[1]))?.map(toPlane) : null;
  if (other) lines.push(rod(...other, { class: "other" }));
  layers.ground.replaceChildren(svg("rect", { ...corner, ...ground }), svg("rect", { ...corner, class: "frame" }), ...lines);
  layers.names.replaceChildren(...names);
  const painted = order(points.length, (i) => 2 * (points[i].x[1] === free) + (i === selected));
  layers.marks.replaceChildren(...painted.map((i) => {
    const { x, label } = points[i];
    const how = { faint: x[1] !== free, wrong: predicted[i] !== label, chosen: i === selected };
    return set(mark(toPlane([x[0], x[2]]), points[i], how), { "data-point": i });
  }));

  for (const handle of layers.handles) set(handle, { display: boundary ? null : "none" });
  if (!boundary) return;
  const [p, q] = boundary.map(toPlane);
  const [dx, dy] = [q[0] - p[0], q[1] - p[1]], last = layers.foot; // the foot of the arrow stays where it was, if it can
  const along = last ? clamp(((last[0] - p[0]) * dx + (last[1] - p[1]) * dy) / (dx * dx + dy * dy), 0.15, 0.85) : 0.5;
  const foot = (layers.foot = [p[0] + along * dx, p[1] + along * dy]), way = [gu / norm, -gv / norm];
  const room = [0, 1].map((k) => (way[k] > 0 ? 330 - foot[k] : foot[k] - 12) / Math.max(Math.abs(way[k]), 1e-9));
  const length = Math.min(Math.max(ARROW * norm, 26), ...room);
  const on = (far, aside = 0) => [foot[0] + way[0] * far - way[1] * aside, foot[1] + way[1] * far + way[0] * aside];
  for (const node of layers.border) set(node, { x1: p[0], y1: p[1], x2: q[0], y2: q[1] });
  set(layers.grip, { cx: foot[0], cy: foot[1] });
  set(layers.shaft, { d: path([on(8), on(length - 8)], "") });
  set(layers.head, { d: path([on(length), on(length - 14, 6.5), on(length - 14, -6.5)]) });
  set(layers.tip, { cx: on(length)[0], cy: on(length)[1] });
  const [x, y] = on(length - 4, 15);
  set(layers.name, { x, y: y + 4 });
}

const toView = (u, v, height) => // turned by 30 degrees, seen from 34 degrees above the horizon
  [176 + 215 * (0.866 * (u - 0.5) - 0.5 * (v - 0.5)), 182 - 120 * (0.5 * (u - 0.5) + 0.866 * (v - 0.5)) - 92 * height];
const CELLS = 14;

/** From the side: the output as a surface over the plane, painted from the back; the cut z = 0 is drawn with its cell. */
function drawSurface(root, { points, w, activation, free, selected }, { out }, c, reach) {
  const [gu, gv] = slope(w), step = activation === "step";
  const rise = (value) => (activation === "identity" ? (value / reach + 1) / 2 : value);
  const up = ([u, v], value) => toView(u, v, rise(value));
  const faces = [];
  const face = (corners, values) => {
    const s = 2 * rise(values.reduce((a, b) => a + b) / values.length) - 1;
    const fill = `fill: color-mix(in oklab, var(--c${Number(s > 0)}) ${(78 * Math.abs(s)).toFixed(0)}%, var(--paper))`;
    faces.push(svg("path", { d: path(corners.map((p, i) => up(p, values[i]))), style: fill, class: "face" }));
  };
  const edge = (cut, value) => faces.push(rod(up(cut[0], value), up(cut[1], value), { class: "cut" }));
  for (let i = CELLS - 1; i >= 0; i--) for (let j = CELLS - 1; j >= 0; j--) {
    const cell = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]].map(([a, b]) => {
      const [u, v] = [a / CELLS, b / CELLS];
      return [u, v, gu * u + gv * v + c];
    });
    const cut = clip(cell, 1).filter((p) => p[2] === 0);
    const part = (sign) => {
      const piece = clip(cell, sign);
      if (piece.length > 2) face(piece, piece.map((p) => (step ? Number(sign > 0) : BEND[activation](p[2]))));
    };
    const far = gu + 1.73 * gv > 0 ? 1 : -1; // the side further from the reader comes first
    part(far);
    if (step && cut.length === 2) {
      const wall = [up(cut[0], 0), up(cut[1], 0), up(cut[1], 1), up(cut[0], 1)];
      faces.push(svg("path", { d: path(wall), class: "wall" }));
      edge(cut, 0);
    }
    part(-far);
    if (cut.length === 2) edge(cut, step ? 1 : BEND[activation](0));
  }
  const low = activation === "identity" ? -reach : 0, high = activation === "identity" ? reach : 1;
  const [bottom, top] = [up([0, 1], low), up([0, 1], high)];
  const stand = points.flatMap((point, i) => {
    const place = [point.x[0] / RANGE[0], point.x[2] / RANGE[1]];
    return point.x[1] === free ? [mark(up(place, out[i]), point, { chosen: i === selected, size: 4 })] : [];
  });
  root.replaceChildren(
    svg("path", { d: path([[0, 0], [1, 0], [1, 1], [0, 1]].map((p) => up(p, low))), class: "frame" }),
    ...[[0, 1], [1, 1]].map((p) => rod(up(p, low), up(p, high), { class: "axis" })), ...faces, ...stand,
    text(bottom[0] - 6, bottom[1] + 4, number(low), { "text-anchor": "end" }),
    text(top[0] - 6, top[1] + 4, number(high), { "text-anchor": "end" }), text(8, top[1] - 12, "output"),
    text(262, 268, "exclamation marks ↗", { "text-anchor": "middle" }),
    text(62, 268, "↖ capital letters", { "text-anchor": "middle" }),
  );
}

/** Along z: the activation itself, and every e-mail on it. */
function drawCurve(root, { points, activation, selected }, { z, out, predicted }) {
  const end = Math.max(6, 2 * Math.ceil(Math.max(...z.map(Math.abs)) / 2));
  const low = activation === "identity" ? -end : 0, high = activation === "identity" ? end : 1;
  const at = (x, y) => [179 + (145 * x) / end, 98 - (84 * (y - low)) / (high - low)];
  const xs = activation === "sigmoid" ? Array.from({ length: 121 }, (_, i) => end * (i / 60 - 1)) : [-end, 0, 0, end];
  const curve = xs.map((x, i) => at(x, activation === "step" ? Number(i > 1) : BEND[activation](x)));
  const here = at(z[selected], out[selected]);
  const marks = order(points.length, (i) => i === selected).map((i) =>
    mark(at(z[i], out[i]), points[i], { wrong: predicted[i] !== points[i].label, chosen: i === selected, size: 5 }));
  root.replaceChildren(
    rod(at(-end, low), at(end, low), { class: "axis" }), rod(at(0, low), at(0, high), { class: "level" }),
    svg("path", { d: path(curve, ""), class: "curve" }),
    svg("path", { d: path([at(z[selected], low), here, at(-end, out[selected])], ""), class: "drop" }),
    ...marks,
    ...[-end, 0, end].map((x) => text(at(x, low)[0], 116, number(x), { "text-anchor": "middle" })),
    ...[low, (low + high) / 2, high].map((y) => text(28, at(0, y)[1] + 4, number(y), { "text-anchor": "end" })),
    text(at(end / 2, low)[0], 116, "z →", { "text-anchor": "middle" }),
  );
}

const SLIDERS = [
  { name: "w₁, per exclamation mark", min: -1, max: 1, step: 0.05 },
  { name: "w₂, for the word “free”", min: -3, max: 3, step: 0.1 },
  { name: "w₃, per capital letter", min: -0.3, max: 0.3, step: 0.01, digits: 3 },
  { name: "b, the bias", min: -12, max: 12, step: 0.05 },
];
const TRAITS = ["points", "w", "b", "free", "activation", "selected"];

function render({ model, el }) {
  const read = () => Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const initial = read();
  const picture = (height, label) => svg("svg", { viewBox: `0 0 340 ${height}`, role: "img", "aria-label": label });

  const plane = picture(356, "The plane of e-mails: exclamation marks to the right, capital letters up, the line z = 0.");
  const gradient = svg("linearGradient", { id: uniqueId("shade"), gradientUnits: "userSpaceOnUse" });
  const border = [rod([0, 0], [0, 0], { class: "hit" }), rod([0, 0], [0, 0], { class: "border" })];
  const layers = {
    gradient, border, ground: svg("g"), names: svg("g", { class: "names" }), marks: svg("g", { class: "marks" }),
    name: text(0, 0, "w", { class: "on-line strong" }), grip: svg("circle", { r: 6.5, class: "grip" }),
    shaft: svg("path", { class: "shaft" }), head: svg("path", { class: "head" }), tip: svg("circle", { r: 20, class: "hit tip" }),
  };
  const shift = svg("g", { class: "shift" }, ...border, layers.grip);
  const arrow = svg("g", {}, layers.shaft, layers.head, layers.name, layers.tip);
  layers.handles = [shift, arrow];
  const ticks = [
    ...[0, 2, 4, 6, 8, 10].map((x) => text(toPlane([x, 0])[0], 333, number(x), { "text-anchor": "middle" })),
    ...[0, 10, 20, 30].map((y) => text(27, toPlane([0, y])[1] + 4, number(y), { "text-anchor": "end" })),
    text(PLOT.left, 14, "↑ capital letters"),
    text(PLOT.left + PLOT.size, 352, "exclamation marks →", { "text-anchor": "end" }),
  ];
  plane.append(svg("defs", {}, gradient), layers.ground, ...ticks, shift, layers.marks, arrow, layers.names);
  const surface = picture(274, "The output as a surface over the same plane.");
  const curve = picture(122, "The output as a curve over z, with every e-mail on it.");

  const change = (values) => put(model, values);
  const ends = (w) => [[RANGE[0], 0], [0, RANGE[1]], RANGE].map((corner) => height(w, corner));
  const height = (w, [x, y]) => w[0] * x + w[2] * y;
  const weight = (i, value) => model.get("w").map((x, k) => (k === i ? value : x));
  const sliders = SLIDERS.map(({ name, ...rest }, i) =>
    slider({ label: name, ...rest, oninput: (value) => change(i < 3 ? { w: weight(i, value) } : { b: value }) }));
  const ids = { email: uniqueId("email"), activation: uniqueId("activation") };
  const email = html("select", { id: ids.email, class: "gf-select", onchange: () => choose(Number(email.value)) });
  const choose = (i) => change({ selected: i, free: model.get("points")[i].x[1] ? 1 : 0 });
  const onfree = () => change({ free: Number(free.checked) });
  const free = html("input", { type: "checkbox", role: "switch", onchange: onfree });
  const radios = Object.keys(BEND).map((name) =>
    html("input", { type: "radio", name: ids.activation, value: name, onchange: () => change({ activation: name }) }));
  const reset = html("button", { type: "button", class: "gf-button", onclick: () => {
    const { points, ...rest } = initial;
    layers.foot = null;
    change(rest);
  } }, "Reset");

  let held = null; // what the pointer took hold of
  const round = (x, grain) => Number((Math.round(x / grain) * grain).toFixed(4));
  drag(shift, plane, {
    start: (p) => (held = height(model.get("w"), fromPlane([p.x, p.y])) + model.get("b")),
    move: (p) => {
      const w = model.get("w"), at = w[1] * model.get("free");
      const [low, high] = [Math.min(0, ...ends(w)), Math.max(0, ...ends(w))], edge = 0.03 * (high - low);
      const c = clamp(held - height(w, fromPlane([p.x, p.y])) + at, edge - high, -low - edge); // stays in the plane
      change({ b: round(c - at, 0.01) });
    },
  });
  drag(layers.tip, plane, {
    start: (p) => (held = { p, slope: slope(model.get("w")), foot: fromPlane(layers.foot) }),
    move: (p) => { // the line turns about the foot of the arrow, so the bias follows
      const w1 = clamp((held.slope[0] + (p.x - held.p.x) / ARROW) / RANGE[0], -1, 1);
      const w3 = clamp((held.slope[1] - (p.y - held.p.y) / ARROW) / RANGE[1], -0.3, 0.3);
      const w = [round(w1, 0.01), model.get("w")[1], round(w3, 0.005)];
      if (w[0] || w[2]) change({ w, b: round(-height(w, held.foot) - w[1] * model.get("free"), 0.01) });
    },
  });
  layers.marks.addEventListener("click", (event) => {
    const node = event.target.closest("[data-point]");
    if (node) choose(Number(node.dataset.point));
  });

  const { node: sentence, say: announce, stop } = liveRegion();
  const title = (words) => html("p", { class: "gf-title" }, words);
  const others = html("span"); // what the hollow e-mails are
  const icon = (drawing, words) =>
    html("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, drawing), words);
  const key = html("p", { class: "key" },
    icon(mark([8, 8], { label: 0 }, {}), "not spam"), icon(mark([8, 8], { label: 1 }, {}), "spam"),
    icon(mark([8, 8], { label: 0 }, { wrong: true }), "wrong side"),
    icon(mark([8, 8], { label: 0 }, { faint: true }), others), icon(rod([1, 8], [15, 8], { class: "other" }), "their line"));
  const hint = html("p", { class: "hint" },
    "Drag the line to shift it (bias). Drag the tip of the arrow to turn and steepen (weights; the bias follows). " +
    "Click an e-mail to choose it.");
  const root = html("div", { class: "gf gf-perceptron" }, html("div", { class: "panels" },
    html("div", { class: "above" }, title("From above: where z = 0"), plane, key, hint),
    html("div", { class: "beside" }, title("From the side: the output"), surface, title("Along z: the activation"), curve),
    sentence,
    html("div", { class: "gf-controls" }, html("div", { class: "sliders" }, ...sliders.map(({ node }) => node)),
      html("div", { class: "choices" },
        html("div", { class: "email" }, html("label", { class: "gf-label", for: ids.email }, "E-mail"), email),
        html("fieldset", { class: "gf-choice" }, html("legend", { class: "gf-label" }, "Activation"),
          ...radios.map((radio) => html("label", { class: "gf-check" }, radio, radio.value))),
        html("label", { class: "gf-check" }, free, "the plane with “free” (x₂ = 1)"), reset)),
  ));
  el.append(root);

  const unfollow = follow(model, TRAITS, () => {
    const state = read(), result = compute(state);
    const c = state.b + state.w[1] * state.free; // z where both drawn features are 0
    const reach = Math.max(6, ...[0, ...ends(state.w)].map((x) => Math.abs(x + c))); // the largest |z| of the plane
    drawPlane(layers, state, result, c, reach);
    drawSurface(surface, state, result, c, reach);
    drawCurve(curve, state, result);
    [...state.w, state.b].forEach((x, i) => sliders[i].show(x));
    if (email.length !== state.points.length) email.replaceChildren();
    state.points.forEach(({ name }, i) => {
      const option = email.options[i] ?? email.appendChild(html("option", { value: i }));
      option.textContent = name || `e-mail ${i + 1}`;
    });
    email.value = state.selected;
    free.checked = Boolean(state.free);
    others.textContent = `${state.free ? "without" : "with"} “free”`;
    for (const radio of radios) radio.checked = radio.value === state.activation;
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
