// What a built page does in the browser. Without it every page is still complete: stills, links and text are in the HTML.

// Interactive figures: each is an anywidget module; here a plain object stands in for the kernel's model.
class PageModel {
  constructor(state) { this.state = state; this.listeners = new Map(); this.changed = []; }
  get(name) { return this.state[name]; }
  set(name, value) { this.state[name] = value; this.changed.push(name); }
  save_changes() {
    const names = this.changed.splice(0);
    for (const name of new Set(names)) this.tell(`change:${name}`);
    if (names.length) this.tell("change");
  }
  on(event, call) { this.listeners.set(event, [...(this.listeners.get(event) ?? []), call]); }
  off(event, call) { this.listeners.set(event, (this.listeners.get(event) ?? []).filter((c) => call && c !== call)); }
  tell(event) { for (const call of this.listeners.get(event) ?? []) call(); }
}

const here = new URL(".", import.meta.url);

async function bringToLife(figure) {
  const name = figure.dataset.module;
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL(`widgets/${name}.css`, here) });
  const styled = new Promise((ready) => { sheet.onload = sheet.onerror = ready; });
  document.head.append(sheet);
  const module = (await import(new URL(`widgets/${name}.js`, here))).default;
  const state = JSON.parse(figure.querySelector("script").textContent);
  const live = Object.assign(document.createElement("div"), { className: "gf-live" });
  await styled;
  await module.render({ model: new PageModel(state), el: live });
  figure.querySelector(".gf-still").hidden = true;
  figure.append(live);
  figure.dataset.ready = "yes";
}

// A figure comes to life when it is about to be seen.
const watch = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watch.unobserve(target);
    bringToLife(target).catch((error) => console.error(`The figure ${target.dataset.module} stays a still:`, error));
  }
}, { rootMargin: "600px" });
for (const figure of document.querySelectorAll(".gf-widget")) watch.observe(figure);
document.addEventListener("gf-widget", ({ detail }) => watch.observe(detail)); // a cell has shown one

// A card of the explorer names a section of Transformers; on a page of the guide it becomes a link.
const SECTIONS = [
  "01-prerequisites", "02-overview", "03-history", "04-pipeline", "05-tokens", "06-embeddings", "07-stack",
  "08-variants", "09-attention", "10-kv-cache", "11-feed-forward", "12-generation",
];
document.addEventListener("gf-sections", ({ detail }) => {
  for (const link of detail.querySelectorAll("a[data-section]")) {
    const name = SECTIONS[link.dataset.section - 1];
    if (name) link.href = new URL(`../transformers/${name}.html${location.search}`, here);
  }
});

// Glossary terms show their definition when pointed at or focused; Escape puts it away.
const tip = Object.assign(document.createElement("div"), { id: "gf-tip", hidden: true });
tip.setAttribute("role", "tooltip");
document.body.append(tip);
for (const term of document.querySelectorAll("a.gf-term[title]")) {
  const text = term.title;
  term.removeAttribute("title");
  const show = () => {
    tip.textContent = text;
    tip.hidden = false;
    term.setAttribute("aria-describedby", "gf-tip");
    const box = term.getBoundingClientRect();
    const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 16);
    tip.style.left = `${Math.max(8, left) + scrollX}px`;
    tip.style.top = `${box.bottom + scrollY + 6}px`;
  };
  const hide = () => { tip.hidden = true; term.removeAttribute("aria-describedby"); };
  term.addEventListener("pointerenter", show);
  term.addEventListener("pointerleave", hide);
  term.addEventListener("focus", show);
  term.addEventListener("blur", hide);
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });

// What scrolls sideways can be reached and scrolled by keyboard. The boxes are measured when the browser has nothing else
// to do, and all of them before the first is changed: a change between two looks would cost a layout of the whole page.
const WIDE = ".highlight pre, .cell_output pre, .cell_output .text_html, .math-scroll, .table-wrapper";
const idle = window.requestIdleCallback ?? ((call) => setTimeout(call, 50));
const unmeasured = new Set();
function reachable(within) {
  if (!unmeasured.size) idle(measure);
  for (const box of within.querySelectorAll(WIDE)) unmeasured.add(box);
}
function measure() {
  const wide = new Map([...unmeasured].map((box) => [box, box.scrollWidth > box.clientWidth]));
  unmeasured.clear();
  for (const [box, scrolls] of wide) {
    if (scrolls === box.hasAttribute("tabindex")) continue;
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
    for (const [name, value] of [["role", "region"], ["aria-label", "Scrolls sideways"]])
      if (scrolls) box.setAttribute(name, value); else box.removeAttribute(name);
  }
}
function settle() {
  document.documentElement.classList.remove("gf-opening");
  reachable(document);
}
if (document.readyState === "complete") idle(settle);
else addEventListener("load", () => idle(settle));
addEventListener("resize", () => reachable(document));
document.addEventListener("gf-shown", ({ detail }) => reachable(detail)); // by a cell that has run
for (const fold of document.querySelectorAll("details")) fold.addEventListener("toggle", () => reachable(fold));

// The four questions: points for each answer, the path with the most points is recommended; a tie asks for less.
for (const form of document.querySelectorAll(".gf-recommender")) {
  const { points, paths } = JSON.parse(form.querySelector("script").textContent);
  const advice = form.querySelector(".gf-advice");
  form.addEventListener("change", () => {
    const answers = Object.keys(points).map((name) => [name, form.elements[name].value]);
    const open = answers.filter(([, value]) => value === "").length;
    document.querySelectorAll(".gf-path.recommended").forEach((path) => path.classList.remove("recommended"));
    advice.classList.toggle("ready", !open);
    if (open) { advice.textContent = `${open} more ${open === 1 ? "answer" : "answers"} and a path is recommended here.`; return; }
    const total = Object.fromEntries(Object.keys(paths).map((path) => [path, 0]));
    for (const [name, value] of answers)
      for (const [path, given] of Object.entries(points[name][value])) total[path] += given;
    const best = Object.keys(paths).reduce((a, b) => (total[b] > total[a] ? b : a));
    const link = Object.assign(document.createElement("a"), { href: `#path-${best}`, textContent: paths[best] });
    advice.replaceChildren("We recommend the ", link, ".");
    document.getElementById(`path-${best}`).classList.add("recommended");
  });
}
