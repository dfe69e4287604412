// Four optimizers walk down one loss surface from the same start: their paths from above, and their losses by step.
// A place is [w, b]. All four always walk MOST steps; the state says how many of them are shown.

const MOST = 100, FAR = 1e6; // steps; beyond FAR a path has diverged and ends
const sigmoid = (z) => 1 / (1 + Math.exp(-z));
const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

/** The mean loss of one neuron with output sigmoid(w·x + b): `each` gives an example's loss and its slope by z. */
const neuron = (each) => ([w, b], data) => {
  const sums = [0, 0, 0];
  for (const { x, label } of data) {
    const [loss, slope] = each(w * x + b, label);
    [loss, slope * x, slope].forEach((term, k) => (sums[k] += term));
  }
  return sums.map((sum) => sum / data.length);
};
const miss = (z, label) => (label ? -sigmoid(-z) : sigmoid(z)); // output − label, without losing digits near 0

const BOWL = { window: [[-4, 4], [-2, 2]], start: [-3.5, 1.5], lr: 0.018, top: 1e4 };
const NEURON = { window: [[-2, 3], [-5, 4]], start: [-1.5, -3], lr: 0.1, top: 30 };
/** `at(place, data)` is [loss, its slope by w, its slope by b]; start and lr are what a change of the surface sets. */
const SURFACES = {
  "long valley": { ...BOWL, at: ([w, b]) => [(w * w + 100 * b * b) / 2, w, 100 * b] },
  "cross-entropy": { ...NEURON, at: neuron((z, label) => [softplus(label ? -z : z), miss(z, label)]) },
  "squared error": { ...NEURON, top: 1,
    at: neuron((z, label) => [miss(z, label) ** 2, 2 * miss(z, label) * sigmoid(z) * sigmoid(-z)]) },
};

/** The move of one number with the gradient g; `memory` holds m and s, 0 at first; t counts from 1. */
const OPTIMIZERS = {
  "gradient descent": (g, lr) => -lr * g,
  momentum: (g, lr, memory) => -lr * (memory.m = 0.9 * memory.m + g),
  RMSProp: (g, lr, memory) => {
    memory.s = 0.9 * memory.s + (1 - 0.9) * g * g;
    return (-lr * g) / (Math.sqrt(memory.s) + 1e-8);
  },
  Adam: (g, lr, memory, t) => {
    memory.m = 0.9 * memory.m + (1 - 0.9) * g;
    memory.s = 0.999 * memory.s + (1 - 0.999) * g * g;
    return (-lr * (memory.m / (1 - 0.9 ** t))) / (Math.sqrt(memory.s / (1 - 0.999 ** t)) + 1e-8);
  },
};
const NAMES = Object.keys(OPTIMIZERS);

/** The places and losses of one optimizer from the start on; shorter than MOST steps if it diverges. */
function walk(move, { surface, data, start, lr }) {
  const { at } = SURFACES[surface], memories = [{ m: 0, s: 0 }, { m: 0, s: 0 }];
  const places = [start], losses = [at(start, data)[0]];
  for (let t = 1; t <= MOST; t++) {
    const here = places[t - 1], [, ...gradient] = at(here, data);
    const next = here.map((x, k) => x + move(gradient[k], lr, memories[k], t));
    if (!next.every((x) => Math.abs(x) <= FAR)) break; // NaN is not below either
    places.push(next);
    losses.push(at(next, data)[0]);
  }
  return { places, losses };
}

const GRID = 60; // cells of the map, each way
/** The losses on a grid over the window, and the lowest place in it: the best grid point, then ever smaller steps. */
function explore(surface, data) {
  const { at, window } = SURFACES[surface];
  const place = (i, j) => [i, j].map((n, k) => window[k][0] + (n / GRID) * (window[k][1] - window[k][0]));
  const loss = (p) => at(p, data)[0];
  const line = Array.from({ length: GRID + 1 }, (_, i) => i);
  const heights = line.map((i) => line.map((j) => loss(place(i, j))));
  let best = [0, 0], low = Infinity;
  heights.forEach((column, i) => column.forEach((height, j) => height < low && ((low = height), (best = [i, j]))));
  const inside = (p) => p.every((n) => n >= 0 && n <= GRID);
  for (let size = 1; size > 1e-7; size /= 2) {
    for (let better = true; better; ) {
      better = false;
      for (const [di, dj] of [[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1], [1, -1], [-1, 1]]) {
        const next = [best[0] + size * di, best[1] + size * dj];
        if (inside(next) && loss(place(...next)) < low) [best, low, better] = [next, loss(place(...next)), true];
      }
    }
  }
  return { heights, minimum: place(...best), lowest: low };
}

let explored = { key: null };
/** Everything the figure says about a state: pure, so that a test can hold it against the library. */
function compute(state) {
  const key = JSON.stringify([state.surface, state.surface === "long valley" || state.data]);
  if (explored.key !== key) explored = { key, ...explore(state.surface, state.data) };
  const paths = Object.fromEntries(NAMES.map((name) => [name, walk(OPTIMIZERS[name], state)]));
  const { heights, minimum, lowest } = explored;
  return { paths, heights, minimum, lowest, sentence: say(state, paths, lowest) };
}

const short = (x) => (x && x < 1e-4 ? "under 0.0001" : number(Number(x.toPrecision(3)), 5));

function say({ surface, start, lr, steps, shown }, paths, lowest) {
  const names = NAMES.filter((name) => shown.includes(name));
  if (!names.length) return "No optimizer is shown. Tick at least one.";
  let told = false; // that the numbers are losses
  const outcome = (name) => {
    const { losses } = paths[name], first = losses[0], last = losses[steps];
    if (last === undefined || last > FAR) return `${name} has diverged, its loss is over a million`;
    const late = losses.slice(Math.max(0, steps - 10), steps + 1);
    const rises = late.filter((loss, i) => i && loss - late[i - 1] > 0.01 * (first - lowest)).length;
    const left = (last - lowest) / Math.max(first - lowest, 1e-9);
    const note = left > 1.0001 ? " (higher than at the start)" : rises > 2 ? " (jumping to and fro)" :
      left > 0.5 && steps ? " (hardly lower than at the start)" : "";
    const what = told ? "" : "has a loss of ";
    told = true;
    return `${name} ${what}${short(last)}${note}`;
  };
  const list = names.map(outcome).join("; ");
  const floor = surface === "long valley" ? "" : ` The lowest loss on this map is ${short(lowest)}.`;
  const after = `After ${steps} step${steps === 1 ? "" : "s"} with learning rate ${number(lr, 6)}:`;
  return `${after} ${list}.${floor}${surface === "long valley" && start[1] ? why(lr, names) : ""}`;
}

/** Across the valley gradient descent multiplies b by 1 − 100 lr at every step, so 2/100 is its limit. */
function why(lr, names) {
  const plain = lr > 2 / 100 ? " Beyond 2/100 = 0.02 each step of gradient descent overshoots by more than it corrects."
    : lr === 2 / 100 ? " At 2/100 = 0.02 each step of gradient descent lands just as high on the other side."
    : lr > 1 / 100 ? " Each step of gradient descent crosses the valley, but lands lower." : "";
  const heavy = lr > 3.8 / 100 ? " Momentum can take more, but not beyond 2·(1 + 0.9)/100 = 0.038." : "";
  return (names.includes("gradient descent") ? plain : "") + (names.includes("momentum") ? heavy : "");
}

/** Where the height crosses `level`: pieces of line in units of the grid, two ends each (marching squares). */
function contour(heights, level) {
  const pieces = [];
  for (let i = 0; i < GRID; i++) for (let j = 0; j < GRID; j++) {
    const ring = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
    const ends = ring.flatMap((p, k) => {
      const q = ring[(k + 1) % 4], [hp, hq] = [p, q].map(([a, b]) => heights[a][b] - level);
      return hp < 0 !== hq < 0 ? [p.map((x, axis) => x + ((q[axis] - x) * hp) / (hp - hq))] : [];
    });
    for (let k = 0; k < ends.length; k += 2) pieces.push([ends[k], ends[k + 1]]);
  }
  return pieces;
}

const BOX = [[38, 326], [24, 266]]; // of both drawings: left and right, top and bottom

/** The part of the line from p to q that lies in the box, or null. */
function within(p, q) {
  let [from, to] = [0, 1];
  for (const k of [0, 1]) {
    const ends = BOX[k].map((edge) => (edge - p[k]) / (q[k] - p[k] || 1e-12)).sort((a, b) => a - b);
    [from, to] = [Math.max(from, ends[0]), Math.min(to, ends[1])];
  }
  return from <= to ? [from, to].map((t) => p.map((x, k) => x + t * (q[k] - x))) : null;
}

const fixed = (p) => p.map((x) => x.toFixed(1)).join(" ");
const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);
const rod = (p, q, attributes) => svg("line", { x1: p[0], y1: p[1], x2: q[0], y2: q[1], ...attributes });

/** The corners of an optimizer's mark about [x, y], so that color is not all that tells them apart. */
function shape(name, [x, y], r) {
  const corners = {
    momentum: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]], RMSProp: [[0, -1.2], [1.1, 0.8], [-1.1, 0.8]],
    Adam: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
  }[name];
  if (corners) return `M${corners.map(([a, b]) => fixed([x + r * a, y + r * b])).join("L")}Z`;
  return `M${fixed([x - r, y])}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
}

const kind = (name) => `way o${NAMES.indexOf(name)}`;

const inBox = (p) => p.every((x, k) => x >= BOX[k][0] && x <= BOX[k][1]);

/** A polyline cut at the box; where it leaves for good it ends with an arrow head. */
function trail(points) {
  const kept = points.slice(0, points.findLastIndex(inBox) + 2);
  const pieces = kept.slice(1).map((q, i) => within(kept[i], q)).filter(Boolean);
  let d = "", pen = null;
  for (const [p, q] of pieces) {
    d += fixed(p) === pen ? `L${fixed(q)}` : `M${fixed(p)}L${fixed(q)}`;
    pen = fixed(q);
  }
  const parts = [svg("path", { d, class: "trail" })];
  if (pieces.length && !inBox(kept.at(-1))) {
    const [p, q] = pieces.at(-1), long = Math.hypot(q[0] - p[0], q[1] - p[1]) || 1;
    const [dx, dy] = [(q[0] - p[0]) / long, (q[1] - p[1]) / long];
    const at = (back, aside) => fixed([q[0] - back * dx - aside * dy, q[1] - back * dy + aside * dx]);
    parts.push(svg("path", { d: `M${at(-3, 0)}L${at(8, 5)}L${at(8, -5)}Z`, class: "head" }));
  }
  return parts;
}
const scale = (k, t) => BOX[k][0] + t * (BOX[k][1] - BOX[k][0]);
const ruler = (surface) => { // between places and the map's drawing
  const { window } = SURFACES[surface];
  const part = (x, k) => (x - window[k][0]) / (window[k][1] - window[k][0]);
  return {
    to: ([w, b]) => [scale(0, part(w, 0)), scale(1, 1 - part(b, 1))],
    from: (p) => p.map((x, k) => (x - BOX[k][0]) / (BOX[k][1] - BOX[k][0]))
      .map((t, k) => window[k][0] + (k ? 1 - t : t) * (window[k][1] - window[k][0])),
  };
};

/** The lines of equal loss; they lie closer where it is steeper. Their levels rise as squares, so a bowl's are even. */
function drawGround(root, { surface }, { heights, minimum, lowest }) {
  const { to } = ruler(surface), { window } = SURFACES[surface], high = Math.max(...heights.flat());
  const levels = Array.from({ length: 11 }, (_, i) => lowest + (high - lowest) * ((i + 0.5) / 11) ** 2);
  const grid = ([i, j]) => [scale(0, i / GRID), scale(1, 1 - j / GRID)];
  const lines = levels.map((level) => contour(heights, level).map((piece) => piece.map(grid)));
  const [x, y] = to(minimum);
  const names = levels.flatMap((level, i) => { // on every third line, where it passes above the minimum
    const piece = i % 3 === 1 && lines[i].find(([p, q]) => (p[0] - x - 0.1) * (q[0] - x - 0.1) <= 0 && p[1] < y);
    return piece ? [text(x, piece[0][1] + 4, short(Number(level.toPrecision(2))), { class: "on-line" })] : [];
  });
  const ticks = window.flatMap(([low, up], k) => Array.from({ length: up - low + 1 }, (_, i) => low + i).map((x) => {
    const p = to(k ? [window[0][0], x] : [x, window[1][0]]);
    return text(p[0] - 7 * k, p[1] + (k ? 4 : 16), number(x), { "text-anchor": k ? "end" : "middle" });
  }));
  root.replaceChildren(
    ...lines.map((pieces) =>
      svg("path", { class: "level", d: pieces.map(([p, q]) => `M${fixed(p)}L${fixed(q)}`).join("") })),
    svg("rect", { x: BOX[0][0], y: BOX[1][0], width: 288, height: 242, class: "frame" }), ...names, ...ticks,
    text(326, 298, "w →", { "text-anchor": "end" }), text(38, 14, "↑ b"),
  );
}

function drawPaths(root, { surface, steps, shown }, { paths, minimum }) {
  const { to } = ruler(surface), [x, y] = to(minimum);
  const cross = { d: `M${x - 7} ${y}h14M${x} ${y - 7}v14` };
  root.replaceChildren(...NAMES.filter((name) => shown.includes(name)).map((name) => {
    const points = paths[name].places.slice(0, steps + 1).map(to);
    const marks = points.filter(inBox).map((p) => shape(name, p, p === points.at(-1) ? 5 : 2.4)).join("");
    return svg("g", { class: kind(name) }, ...trail(points), svg("path", { d: marks, class: "marks" }));
  }), svg("path", { ...cross, class: "minimum halo" }), svg("path", { ...cross, class: "minimum" }));
}

const power = (n) => `10${String(n).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]))}`;

/** Loss by step, the loss as its logarithm; faint what lies ahead. */
function drawLosses(root, { surface, steps, shown }, { paths, lowest }) {
  const high = Math.log10(SURFACES[surface].top);
  const low = Math.max(-6, Math.min(Math.floor(Math.log10(lowest)), Math.ceil(high) - 1));
  const at = (step, loss) =>
    [scale(0, step / MOST), scale(1, (high - Math.log10(Math.max(loss, 1e-99))) / (high - low))];
  const powers = Array.from({ length: high - low + 1 }, (_, i) => low + i), fine = high - low > 1 ? [1] : [1, 2, 5];
  const ticks = high - low > 4 ? powers.filter((n) => n % 2 === 0).map((n) => [10 ** n, power(n)])
    : powers.flatMap((n) => fine.map((m) => [m * 10 ** n, number(m * 10 ** n, 6)]));
  const now = at(steps, 1)[0], floor = lowest > 0 && 10 ** low < lowest;
  root.replaceChildren(
    ...ticks.filter(([loss]) => loss < 1.001 * 10 ** high).flatMap(([loss, name]) => [
      rod(at(0, loss), at(MOST, loss), { class: "grid" }),
      text(32, at(0, loss)[1] + 4, name, { "text-anchor": "end" })]),
    ...[0, 25, 50, 75, 100].map((step) => text(at(step, 1)[0], 282, number(step), { "text-anchor": "middle" })),
    rod([now, BOX[1][0]], [now, BOX[1][1]], { class: "now" }),
    text(326, 298, "step →", { "text-anchor": "end" }), text(38, 14, "↑ loss"),
    ...(floor ? [rod(at(0, lowest), at(MOST, lowest), { class: "floor" })] : []),
    ...NAMES.filter((name) => shown.includes(name)).map((name) => {
      const points = paths[name].losses.map((loss, step) => at(step, loss)), past = points.slice(0, steps + 1);
      const ahead = svg("g", { class: "ahead" }, trail(points.slice(steps))[0]);
      const mark = points[steps] && inBox(points[steps]) ? shape(name, points[steps], 4.5) : "";
      return svg("g", { class: kind(name) }, ahead, ...trail(past), svg("path", { d: mark, class: "marks" }));
    }),
  );
}

const NICE = "1 1.1 1.2 1.3 1.5 1.6 1.8 2 2.2 2.4 2.7 3 3.3 3.6 3.9 4.3 4.7 5.1 5.6 6.2 6.8 7.5 8.2 9.1".split(" ");
const RATES = [-3, -2, -1, 0].flatMap((n) => NICE.map((x) => Number(`${x}e${n}`))).concat(10); // even on a log scale
const nearest = (lr) => { // the place of the slider
  const off = RATES.map((rate) => Math.abs(Math.log(rate / lr)));
  return off.indexOf(Math.min(...off));
};
const TRAITS = ["surface", "data", "start", "lr", "steps", "shown"];

function render({ model, el }) {
  const read = () => Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const initial = read();
  const picture = (label, ...layers) =>
    svg("svg", { viewBox: "0 0 340 304", role: "img", "aria-label": label }, ...layers);
  const ground = svg("g"), paths = svg("g"), handle = svg("circle", { r: 7.5, class: "handle" });
  const hit = svg("circle", { r: 22, class: "hit" });
  const map = picture("The loss as a map over w and b, with the path of each optimizer.", ground, paths, handle, hit);
  const losses = picture("The loss of each optimizer against the step, on a logarithmic scale.");

  let timer = null; // of Play
  const pause = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    sentence.setAttribute("aria-live", "polite");
  };
  const change = (values) => {
    pause();
    put(model, values);
  };
  const tick = () => {
    const steps = Math.min(model.get("steps") + 1, MOST);
    if (steps === MOST) pause();
    put(model, { steps });
  };
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const play = html("button", { type: "button", class: "gf-button", onclick: () => {
    if (timer) return pause();
    if (still()) return change({ steps: MOST });
    if (model.get("steps") >= MOST) put(model, { steps: 0 });
    sentence.setAttribute("aria-live", "off"); // it is read out once, at the end
    play.textContent = "Pause";
    timer = setInterval(tick, 80);
  } }, "Play");
  const reset = html("button", { type: "button", class: "gf-button", onclick: () => {
    const { data, ...rest } = initial;
    change(rest);
  } }, "Reset");

  const group = uniqueId("surface");
  const choose = (name) => { // another map has another start; both losses of the neuron share theirs
    const { window, start, lr } = SURFACES[name];
    change({ surface: name, ...(window === held() ? {} : { start, lr }) });
  };
  const radios = Object.keys(SURFACES).map((name) =>
    html("input", { type: "radio", name: group, value: name, onchange: () => choose(name) }));
  const last = RATES.length - 1;
  const rate = slider({ label: "learning rate", min: 0, max: last, step: 1, oninput: (i) => change({ lr: RATES[i] }) });
  const steps = slider({ label: "steps", min: 0, max: MOST, step: 1, digits: 0, oninput: (x) => change({ steps: x }) });
  const place = (k, x) => model.get("start").map((old, i) => (i === k ? x : old));
  const starts = [BOWL, NEURON].map(({ window }) => ({ window, pair: window.map(([min, max], k) => slider({
    label: ["start, w", "start, b"][k], min, max, step: 0.05, oninput: (x) => change({ start: place(k, x) }) })) }));
  const checks = NAMES.map((name) => html("input", { type: "checkbox", value: name, onchange: () =>
    change({ shown: NAMES.filter((_, i) => checks[i].checked) }) }));
  const icon = (name) => svg("svg", { viewBox: "0 0 34 16", "aria-hidden": "true", class: kind(name) },
    svg("path", { d: "M1 8H33", class: "trail" }), svg("path", { d: shape(name, [17, 8], 4.5), class: "marks" }));
  const held = () => SURFACES[model.get("surface")].window;
  drag(hit, map, { move: ({ x, y }) => {
    const at = ruler(model.get("surface")).from([x, y]);
    change({ start: at.map((v, k) => Number(clamp(Math.round(v * 20) / 20, ...held()[k]).toFixed(2))) });
  } });

  const { node: sentence, say: announce, stop } = liveRegion();
  const title = (words) => html("p", { class: "gf-title" }, words);
  const choice = (legend, ...children) =>
    html("fieldset", { class: "gf-choice" }, html("legend", { class: "gf-label" }, legend), ...children);
  const root = html("div", { class: "gf gf-descent" }, html("div", { class: "panels" },
    html("div", { class: "map" }, title("From above: lines of equal loss"), map),
    html("div", { class: "losses" }, title("The loss at every step"), losses),
    html("div", { class: "gf-controls shown" }, choice("Optimizers", ...checks.map((check, i) =>
      html("label", { class: "gf-check" }, check, icon(NAMES[i]), NAMES[i])))),
    sentence,
    html("div", { class: "gf-controls set" },
      choice("Surface", ...radios.map((radio) => html("label", { class: "gf-check" }, radio, radio.value))),
      html("div", { class: "sliders" }, rate.node, steps.node, 
        ...starts.flatMap(({ pair }) => pair.map(({ node }) => node))),
      html("div", { class: "buttons" }, play, reset)),
    html("p", { class: "hint" }, "Drag the ring to start elsewhere. The cross is the lowest place. On the map w and " +
      "b have different scales, so a step need not look square to the line it leaves."),
  ));
  el.append(root);

  let drawn = null;
  const unfollow = follow(model, TRAITS, () => {
    const state = read(), result = compute(state), { window } = SURFACES[state.surface];
    if (drawn !== result.heights) drawGround(ground, state, result);
    drawn = result.heights;
    drawPaths(paths, state, result);
    drawLosses(losses, state, result);
    const [cx, cy] = ruler(state.surface).to(state.start.map((x, k) => clamp(x, ...window[k])));
    for (const node of [handle, hit]) set(node, { cx, cy });
    rate.show(nearest(state.lr));
    rate.node.querySelector("output").textContent = number(state.lr, 6);
    rate.input.setAttribute("aria-valuetext", number(state.lr, 6));
    steps.show(state.steps);
    for (const { window: own, pair } of starts) pair.forEach(({ node, show }, k) => {
      node.hidden = own !== window;
      if (!node.hidden) show(state.start[k]);
    });
    for (const radio of radios) radio.checked = radio.value === state.surface;
    for (const check of checks) check.checked = state.shown.includes(check.value);
    if (timer) sentence.textContent = result.sentence;
    else announce(result.sentence);
  });
  return () => {
    clearInterval(timer);
    unfollow();
    stop();
    root.remove();
  };
}

export { compute };
export default { render };
