// Rotary positions: in one pair of dimensions a query at position m and a key at position n are turned by mω and nω.

const LAST = 60; // the last position

/** Everything the figure says about a state: pure, so that a test can hold it against the library. */
function compute({ query, key, m, n, d_k, pair, power }) {
  const omega = 10 ** ((-2 * pair * power) / d_k);
  const turn = ([a, b], angle) => [a * Math.cos(angle) - b * Math.sin(angle), b * Math.cos(angle) + a * Math.sin(angle)];
  const q = turn(query, m * omega), k = turn(key, n * omega);
  const score = q[0] * k[0] + q[1] * k[1];
  const along = query[0] * key[0] + query[1] * key[1], across = query[0] * key[1] - query[1] * key[0];
  const at = (distance) => along * Math.cos(distance * omega) + across * Math.sin(distance * omega);
  const wavelength = (2 * Math.PI) / omega;
  const result = { omega, wavelength, q, k, angles: [m * omega, n * omega], distance: m - n, score, at: at(m - n) };
  return { ...result, sentence: say(result, m, n) };
}

const degrees = (angle) => `${number((angle * 180) / Math.PI, angle < 0.1 ? 2 : 0)}°`;
const positions = (wavelength) => (wavelength < 100 ? number(wavelength, 1) : String(Math.round(wavelength)));

function say({ omega, wavelength, angles, distance, score }, m, n) {
  const turned = `The query at ${m} is turned by ${degrees(angles[0])}, the key at ${n} by ${degrees(angles[1])}`;
  const turns = `${degrees(omega)} a position, once around in ${positions(wavelength)} positions`;
  return `${turned} (${turns}). The distance is ${number(distance)}, the score ${number(score, 3)}.`;
}

const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);

/** The plane of the pair, with both vectors before (faint) and after they are turned. */
function drawPlane(root, { query, key }, { q, k }) {
  const size = 1.2 * Math.max(1, Math.hypot(...query), Math.hypot(...key));
  const place = ([x, y]) => [160 + (140 * x) / size, 150 - (140 * y) / size];
  const arrow = (v, kind) => {
    const [x, y] = place(v), long = Math.hypot(x - 160, y - 150);
    if (long < 1) return [];
    const [ux, uy] = [(x - 160) / long, (y - 150) / long], head = Math.min(12, long);
    const on = (back, aside) => `${(x - back * ux - aside * uy).toFixed(1)} ${(y - back * uy + aside * ux).toFixed(1)}`;
    return [svg("path", { d: `M160 150L${on(head * 0.8, 0)}`, class: `arrow ${kind}` }),
      svg("path", { d: `M${on(0, 0)}L${on(head, head / 2)}L${on(head, -head / 2)}Z`, class: `head ${kind}` })];
  };
  const name = (v, words) => {
    const [x, y] = place(v), long = Math.max(Math.hypot(x - 160, y - 150), 1);
    return text(clamp(x + (16 * (x - 160)) / long, 14, 306), clamp(y + (16 * (y - 150)) / long + 4, 16, 292), words,
      { class: "name" });
  };
  const [one] = place([1, 0]);
  root.replaceChildren(
    svg("path", { d: "M10 150H310M160 6V294", class: "axis" }),
    svg("circle", { cx: 160, cy: 150, r: one - 160, class: "circle" }),
    ...arrow(query, "k0 before"), ...arrow(key, "k1 before"), ...arrow(q, "k0"), ...arrow(k, "k1"),
    name(q, "q"), name(k, "k"));
}

/** The score at every distance of the same two vectors; the present one is marked. */
function drawCurve(root, state, { distance, score }) {
  const size = Math.max(Math.hypot(...state.query) * Math.hypot(...state.key), 0.01);
  const across = (d) => 40 + (270 * (d + LAST)) / (2 * LAST), up = (s) => 136 - (116 * s) / size;
  const points = Array.from({ length: 4 * LAST + 1 }, (_, i) => i / 2 - LAST).map((d) => {
    const s = compute({ ...state, m: d, n: 0 }).score;
    return `${across(d).toFixed(1)} ${up(s).toFixed(1)}`;
  });
  root.replaceChildren(
    svg("rect", { x: 40, y: 20, width: 270, height: 232, class: "frame" }),
    svg("path", { d: `M40 136H310M${across(0)} 20V252`, class: "axis" }),
    ...[-60, -30, 0, 30, 60].map((d) => text(across(d), 268, number(d), { "text-anchor": "middle" })),
    ...[-size, 0, size].map((s) => text(35, up(s) + 4, number(s, 1), { "text-anchor": "end" })),
    text(310, 288, "distance m − n →", { "text-anchor": "end" }), text(40, 13, "↑ score"),
    svg("path", { d: `M${points.join("L")}`, class: "curve" }),
    svg("path", { d: `M${across(distance)} 20V252`, class: "now" }),
    svg("circle", { cx: across(distance), cy: up(score), r: 7, class: "point" }));
}

const TRAITS = ["query", "key", "m", "n", "d_k", "pair", "power"];

function render({ model, el }) {
  const read = () => Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const one = (label, name, min, max) =>
    slider({ label, min, max, step: 1, digits: 0, oninput: (x) => put(model, { [name]: x }) });
  const sliders = {
    m: one("Position of the query, m", "m", 0, LAST), n: one("Position of the key, n", "n", 0, LAST),
    pair: one("Pair of dimensions, i", "pair", 0, model.get("d_k") / 2 - 1),
    power: one("Base, 10 to the power of", "power", 2, 6),
  };
  const both = (by) => {
    const { m, n } = read(), step = clamp(by, -Math.min(m, n), LAST - Math.max(m, n));
    put(model, { m: m + step, n: n + step });
  };
  const button = (words, by) => html("button", { type: "button", class: "gf-button", onclick: () => both(by) }, words);
  const [back, next] = [button("← Both by one", -1), button("Both by one →", 1)];
  const picture = (height, label) => svg("svg", { viewBox: `0 0 320 ${height}`, role: "img", "aria-label": label });
  const plane = picture(300, "Query and key as arrows, faint before and strong after they are turned.");
  const curve = picture(296, "The score at each distance from −60 to 60, with the present distance marked.");
  const { node: sentence, say: announce, stop } = liveRegion();
  const panel = (words, node) => html("div", {}, html("p", { class: "gf-title" }, words), node);
  const root = html("div", { class: "gf gf-rotary" },
    html("div", { class: "controls" }, ...Object.values(sliders).map(({ node }) => node)),
    html("div", { class: "buttons" }, back, next), sentence,
    html("div", { class: "panels" }, panel("Query and key in the plane of the pair", plane),
      panel("Their score at every distance", curve)));
  el.append(root);

  const unfollow = follow(model, TRAITS, () => {
    const state = read(), result = compute(state);
    set(sliders.pair.input, { max: state.d_k / 2 - 1 });
    for (const [name, { show }] of Object.entries(sliders)) show(state[name]);
    set(back, { "aria-disabled": Math.min(state.m, state.n) ? null : "true" });
    set(next, { "aria-disabled": Math.max(state.m, state.n) < LAST ? null : "true" });
    drawPlane(plane, state, result);
    drawCurve(curve, state, result);
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
