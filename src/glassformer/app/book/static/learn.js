// Exercises, outcomes and milestones. Progress is kept by the local app if that serves the page, else by the browser.
const live = document.querySelector("script[data-base]");
const FORMAT = "glassformer-progress", VERSION = 2, KEY = "glassformer-progress", FEWEST_WORDS = 8;

// ---- Checks: a number, a choice, words. `glassformer.learn.answers` does the same; a test holds both to it.

const short = (x) => (Number.isFinite(x) ? String(Number.isInteger(x) && Math.abs(x) < 1e15 ? x : Number(x.toPrecision(4))) : x > 0 ? "∞" : "-∞").replaceAll("-", "−");
const spaced = (unit) => (unit ? ` ${unit}` : "");
const no = (sentence) => ({ passed: false, sentences: [sentence], mistake: "" });

function checkNumber({ answer, tolerance, mistakes, unit, units }, given) {
  const text = String(given).trim().replace(/^[A-Za-z]\s*=\s*/, "").replaceAll("−", "-").replaceAll("–", "-").replaceAll(",", ".");
  if (/[0-9]\s*\/\s*[0-9]/.test(text)) return no("Write it as a decimal number, like 0.5.");
  const read = text.match(/^([+-]? ?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)\s*(\S.*)?$/i);
  if (!read) return no(text ? `“${text}” is not a number. Write it like 1.9 or −3.` : "Write a number.");
  const sizes = { [unit]: 1, ...units }, used = (read[2] || unit).trim();
  if (!Object.hasOwn(sizes, used)) {
    const wanted = Object.keys(sizes).filter(Boolean).join(", ") || "none";
    return no(`The unit “${used}” does not belong here. The unit is: ${wanted}.`);
  }
  const value = Number(read[1].replace(" ", "")) * sizes[used];
  if (Math.abs(value - answer) <= tolerance * (1 + 1e-9)) return { passed: true, sentences: [`${short(answer)}${spaced(unit)} it is.`], mistake: "" };
  for (const [mistake, wrong] of Object.entries(mistakes)) {
    const near = Math.min(tolerance, 0.02 * Math.abs(wrong) + 1e-12) * (1 + 1e-9);
    if (Math.abs(value - wrong) <= near) return { passed: false, sentences: [mistake], mistake };
  }
  return no(`${short(value)}${spaced(unit)} is too ${value > answer ? "large" : "small"}.`);
}

function checkQuiz({ options }, given) {
  const option = /^\s*\d+\s*$/.test(given) ? options[Number(given) - 1] : null;
  if (!option) return no(`Choose one of the options 1 to ${options.length}.`);
  return { passed: option.right, sentences: [option.reason], mistake: option.right ? "" : option.reason };
}

function checkWords({ points }, { text = "", points: ticked = [] }) {
  if (text.split(/\s+/).filter(Boolean).length < FEWEST_WORDS) return no(`Write a sentence or two first: at least ${FEWEST_WORDS} words.`);
  if (points.some((_, i) => !ticked.includes(i))) return no("Compare with the model answer, mend yours, and tick each point that it makes.");
  return { passed: true, sentences: ["By your own comparison, your answer makes every point of the model answer."], mistake: "" };
}

export const check = (exercise, answer) => ({ number: checkNumber, quiz: checkQuiz, words: checkWords })[exercise.kind](exercise, answer);

// ---- Where progress is kept: two keepers with the same methods.

/** In the browser's own storage, in the format of `glassformer progress --export`. */
class Browser {
  constructor() {
    this.notice = "";
    try { this.data = JSON.parse(localStorage.getItem(KEY)) ?? this.empty(); } catch { this.setAside(); }
    if (this.data?.format !== FORMAT || !Array.isArray(this.data.attempts)) this.setAside();
    addEventListener("storage", ({ key, newValue }) => { // another tab has written
      if (key !== KEY || !newValue) return;
      this.data = JSON.parse(newValue);
      document.dispatchEvent(new CustomEvent("gf-progress"));
    });
  }

  empty() { return { format: FORMAT, version: VERSION, attempts: [], ticks: [], settings: [], edits: [] }; }

  setAside() {
    this.data = this.empty();
    try {
      const name = `${KEY}-damaged-${Date.now()}`;
      localStorage.setItem(name, localStorage.getItem(KEY));
      localStorage.removeItem(KEY);
      this.notice = `The progress kept in this browser was damaged. It was set aside there as ${name}, and a new one was begun.`;
    } catch { this.notice = "This browser lets the page keep nothing: your progress lasts until you close it."; }
  }

  change(how) {
    try { this.data = JSON.parse(localStorage.getItem(KEY)) ?? this.data; } catch { /* what is in memory is newer */ }
    how(this.data);
    try { localStorage.setItem(KEY, JSON.stringify(this.data)); }
    catch { throw new Error("this browser's storage is full or switched off. You can save your progress as a file on the home page."); }
  }

  async summary() {
    const exercises = Object.create(null); // whatever name a file brings along
    for (const { exercise, at, passed, answer } of this.data.attempts) {
      const kept = (exercises[exercise] ??= { passed: "", attempts: 0, answer: "" });
      kept.attempts++;
      kept.answer = answer;
      if (passed && !kept.passed) kept.passed = at;
    }
    const path = this.data.settings.find(({ name }) => name === "path")?.value ?? "";
    return { exercises, ticked: Object.fromEntries(this.data.ticks.map(({ mark, at }) => [mark, at])), path, notice: this.notice };
  }

  async answer(exercise, answer) {
    const verdict = check(exercise, answer);
    const text = typeof answer === "string" ? answer : JSON.stringify(answer);
    this.change(({ attempts }) => attempts.push({ exercise: exercise.id, at: new Date().toISOString(), passed: Number(verdict.passed), answer: text, mistake: verdict.mistake }));
    return verdict;
  }

  async tick(mark, on) {
    this.change((data) => {
      data.ticks = data.ticks.filter((tick) => tick.mark !== mark);
      if (on) data.ticks.push({ mark, at: new Date().toISOString() });
    });
  }

  async choose(path) {
    this.change((data) => { data.settings = [...data.settings.filter(({ name }) => name !== "path"), { name: "path", value: path }]; });
  }

  async everything() { return this.data; }

  async add(data) {
    if (data?.format !== FORMAT || !(data.version <= VERSION) || !["attempts", "ticks"].every((name) => Array.isArray(data[name])))
      throw new Error("This is no file of Glassformer's progress. Nothing was changed.");
    const text = (row, ...names) => names.every((name) => typeof row?.[name] === "string");
    if (!data.attempts.every((row) => text(row, "exercise", "at", "answer", "mistake") && [0, 1].includes(row.passed)) || !data.ticks.every((row) => text(row, "mark", "at")))
      throw new Error("This file's answers or ticks cannot be read. Nothing was changed.");
    const key = ({ exercise, at, answer }) => JSON.stringify([exercise, at, answer]);
    const fresh = data.attempts.filter((a) => !this.data.attempts.some((b) => key(a) === key(b)));
    this.change((mine) => {
      mine.attempts = [...mine.attempts, ...fresh].sort((a, b) => (a.at < b.at ? -1 : 1));
      mine.ticks.push(...data.ticks.filter(({ mark }) => !mine.ticks.some((tick) => tick.mark === mark)));
      const path = data.settings?.find?.((one) => one?.name === "path" && typeof one.value === "string");
      if (path && !mine.settings.some(({ name }) => name === "path")) mine.settings.push({ name: "path", value: path.value });
    });
    return fresh.length;
  }

  async dismiss() { this.notice = ""; }
}

/** By the local app, in one file for all browsers, tabs and the command line. */
class Server {
  async ask(method, path, body) {
    this.module ??= import(new URL("kernel.js", live.src));
    return (await this.module).ask(method, `glassformer/${path}`, body);
  }
  summary() { return this.ask("GET", "progress"); }
  answer(exercise, answer) { return this.ask("POST", "answers", { exercise: exercise.id, answer }); }
  tick(mark, on) { return this.ask("PUT", `ticks/${mark}`, { on }); }
  choose(path) { return this.ask("PUT", "path", { path }); }
  everything() { return this.ask("GET", "progress.json"); }
  async add(data) { return (await this.ask("POST", "progress", data)).added; }
  dismiss() { return this.ask("DELETE", "progress"); }
}

// ---- The exercises of the page.

const make = (tag, attributes = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
};

/** A sentence about what to do next: nothing has been judged. */
function advise(node, sentence) {
  const box = node.querySelector(".gf-verdict");
  box.replaceChildren(make("p", { textContent: sentence }));
  box.dataset.passed = "";
}

function showVerdict(node, { passed, sentences, printed = "" }) {
  const box = node.querySelector(".gf-verdict");
  const said = [make("strong", { textContent: passed ? "Right. " : "Not yet. " }), sentences[0] ?? ""];
  box.replaceChildren(make("p", {}, ...said), ...sentences.slice(1).map((sentence) => make("p", { textContent: sentence })));
  if (printed) box.append(make("p", { textContent: "Your code printed:" }), make("pre", { textContent: printed }));
  box.dataset.passed = passed;
}

/** What stands in the form: the text of a field, the number of the option, or text and ticked points. */
function given(kind, form) {
  if (kind === "quiz") return form.querySelector("input:checked")?.value ?? "";
  const text = form.elements.answer.value;
  if (kind === "number") return text;
  return { text, points: [...form.querySelectorAll(".gf-points input")].flatMap((box, i) => (box.checked ? [i] : [])) };
}

/** Put the last answer back into the form. */
function fill(kind, form, last) {
  if (kind === "quiz") {
    const option = [...form.querySelectorAll("input")].find((input) => input.value === String(last));
    if (option) option.checked = true;
  } else if (kind === "number") form.elements.answer.value ||= last;
  else try { form.elements.answer.value ||= JSON.parse(last).text; } catch { /* an answer from elsewhere */ }
}

/** The points of the model answer, to tick: nobody can grade words but who wrote them. */
function askPoints(form, { model, points }) {
  const answer = make("p", { className: "gf-model-answer", tabIndex: -1 }, make("strong", { textContent: "Model answer: " }), model);
  const boxes = points.map((point) => make("label", {}, make("input", { type: "checkbox" }), make("span", { textContent: point })));
  form.querySelector("button").before(answer, make("fieldset", { className: "gf-points" }, make("legend", { textContent: "My answer says:" }), ...boxes));
  form.querySelector("button").textContent = "Done";
  form.elements.answer.addEventListener("input", () => { for (const box of form.querySelectorAll(".gf-points input")) box.checked = false; });
  answer.focus();
}

/** What is missing before there is anything to judge, or an empty text. */
function missing(kind, form, exercise, answer) {
  if (kind === "quiz") return answer ? "" : "Choose an answer first.";
  if (kind === "number") return answer.trim() ? "" : "Write a number first.";
  if (answer.text.split(/\s+/).filter(Boolean).length < FEWEST_WORDS) return checkWords(exercise, answer).sentences[0];
  if (form.querySelector(".gf-points")) return "";
  askPoints(form, exercise);
  return "Here is a model answer. Compare it with yours, change yours if you like, and tick each point that it makes.";
}

function prepare(node) {
  const { kind } = node.dataset, form = node.querySelector("form");
  if (kind === "code") return;
  const exercise = JSON.parse(node.querySelector(".gf-data").textContent);
  const folded = node.querySelector(".gf-model, .gf-reasons");
  if (folded) folded.hidden = true; // the check gives the reason; without this script it stands there to be read
  form.querySelector("button").hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = given(kind, form), first = missing(kind, form, exercise, answer);
    if (first) return advise(node, first);
    try { showVerdict(node, await keeper.answer(exercise, answer)); } catch (error) {
      showVerdict(node, check(exercise, answer)); // the answer counts although it could not be kept
      node.querySelector(".gf-verdict").append(make("p", { className: "gf-note", textContent: `This is not saved: ${error.message}` }));
    }
    refresh();
  });
}

// ---- Outcomes at the end of a page, milestones on the home page.

/** A box to tick in front of `item`, with a word for how it came to be ticked. */
function tickable(item, mark, label) {
  const box = make("input", { type: "checkbox" }), how = make("span", { className: "gf-how" });
  box.setAttribute("aria-label", label);
  item.querySelector(".gf-box").replaceWith(box);
  (item.querySelector(".gf-can") ?? item.querySelector("p") ?? item).append(" ", how);
  box.addEventListener("change", async () => {
    try { await keeper.tick(mark, box.checked); } catch (error) { box.checked = !box.checked; how.textContent = error.message; return; }
    refresh();
  });
  return (state, of) => {
    box.checked = state !== "open";
    box.disabled = state === "earned";
    item.dataset.state = state;
    how.textContent = { earned: "earned", ticked: "ticked by you", open: of }[state];
  };
}

const stateOf = (summary, mark, by, more) =>
  by.length && !more && by.every((id) => summary.exercises[id]?.passed) ? "earned" : mark in summary.ticked ? "ticked" : "open";
const partOf = (summary, by, more) => {
  const done = by.filter((id) => summary.exercises[id]?.passed).length;
  return done ? `${done} of ${by.length} exercises${more ? "; more are in preparation" : ""}` : "";
};

const updates = [];

function outcomes() {
  for (const item of document.querySelectorAll("li.task-list-item")) {
    const by = [...item.querySelectorAll('a[href^="#exercise-"]')].map((link) => document.querySelector(link.getAttribute("href"))?.dataset.exercise).filter(Boolean);
    if (!by.length) continue;
    const mark = `outcome:${by[0]}`;
    const show = tickable(item, mark, item.textContent.replace(/\s+/g, " ").trim());
    updates.push((summary) => show(stateOf(summary, mark, by, false), partOf(summary, by)));
  }
}

function milestones() {
  for (const card of document.querySelectorAll("[data-path]")) {
    const items = [...card.querySelectorAll(".gf-milestones > li")];
    const states = items.map((item) => {
      const by = item.dataset.by.split(" ").filter(Boolean), { mark } = item.dataset;
      const show = tickable(item, mark, item.querySelector(".gf-can").textContent);
      return (summary) => { const state = stateOf(summary, mark, by, "more" in item.dataset); show(state, partOf(summary, by, "more" in item.dataset)); return state; };
    });
    const count = card.querySelector(".gf-count"), bar = make("progress", { max: items.length });
    const words = make("span");
    count.append(bar, words);
    count.hidden = false;
    bar.setAttribute("aria-label", "Milestones reached");
    const follow = card.querySelector(".gf-follow");
    follow.hidden = false;
    follow.querySelector("button").addEventListener("click", async () => {
      try { await keeper.choose(card.dataset.path); } catch (error) { tell(error.message); }
      refresh();
    });
    updates.push((summary) => {
      const reached = states.map((state) => state(summary));
      const [earned, ticked] = ["earned", "ticked"].map((name) => reached.filter((state) => state === name).length);
      bar.value = earned + ticked;
      words.textContent = `${earned} of ${items.length} milestones earned${ticked ? `, ${ticked} ticked by you` : ""}`;
      const chosen = summary.path === card.dataset.path;
      card.classList.toggle("chosen", chosen);
      const button = follow.querySelector("button");
      button.textContent = chosen ? "You follow this path" : "Follow this path";
      button.setAttribute("aria-pressed", chosen);
    });
  }
}

let tell = () => {};

function home() {
  const panel = document.querySelector(".gf-progress");
  if (!panel) return;
  const { paths, steps } = JSON.parse(panel.querySelector("script").textContent);
  const now = panel.querySelector(".gf-now"), notice = panel.querySelector(".gf-notice");
  panel.hidden = false;
  const welcome = document.querySelector(".gf-continue");
  tell = (sentence) => {
    notice.hidden = !sentence;
    notice.replaceChildren(sentence ?? "");
    if (sentence) notice.append(" ", make("button", { type: "button", textContent: "I have read this", onclick: async () => { await keeper.dismiss().catch(() => {}); tell(""); } }));
  };
  updates.push((summary) => {
    if (summary.notice) tell(summary.notice);
    const done = Object.values(summary.exercises).filter(({ passed }) => passed).length;
    const sofar = `${done} ${done === 1 ? "exercise" : "exercises"} right so far. `;
    const path = Object.hasOwn(steps, summary.path) ? steps[summary.path] : null;
    if (welcome) welcome.hidden = !path || !done;
    const say = (...words) => { now.replaceChildren(sofar, ...words); welcome?.replaceChildren(...words.map((word) => word.cloneNode?.(true) ?? word)); };
    if (!path) return now.replaceChildren(`${sofar}Choose a path above, and your next step is shown here.`);
    for (const step of path)
      for (const [id, link] of step.exercises)
        if (!summary.exercises[id]?.passed) {
          const next = make("span");
          next.innerHTML = link;
          return say(`Your next step on the ${paths[summary.path]}: `, next, `, in ${step.title}.`);
        }
    say(`You have done every exercise that the ${paths[summary.path]} has so far.`);
  });
  panel.querySelector(".gf-export").addEventListener("click", async () => {
    try {
      const text = JSON.stringify(await keeper.everything(), null, 1);
      const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: "glassformer-progress.json" });
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) { tell(error.message); }
  });
  panel.querySelector(".gf-import input").addEventListener("change", async ({ target }) => {
    try {
      const text = await target.files[0].text();
      let data;
      try { data = JSON.parse(text); } catch { throw new Error(`${target.files[0].name} is no file of Glassformer's progress. Nothing was changed.`); }
      const added = await keeper.add(data);
      tell(`${added} new ${added === 1 ? "answer was" : "answers were"} added.`);
    } catch (error) { tell(error.message); }
    target.value = "";
    refresh();
  });
}

async function refresh(first = false) {
  let summary;
  try { summary = await keeper.summary(); } catch (error) { return tell(error.message); }
  for (const node of document.querySelectorAll(".gf-exercise")) {
    const kept = summary.exercises[node.dataset.exercise];
    node.classList.toggle("passed", Boolean(kept?.passed));
    node.querySelector(".gf-mark").textContent = kept?.passed ? "done" : "";
    if (first && kept && node.dataset.kind !== "code") fill(node.dataset.kind, node.querySelector("form"), kept.answer);
  }
  for (const update of updates) update(summary);
}

const exercises = [...document.querySelectorAll(".gf-exercise")];
const keeper = exercises.length || document.querySelector(".gf-progress") ? (live ? new Server() : new Browser()) : null;
if (keeper) {
  exercises.forEach(prepare);
  outcomes();
  milestones();
  home();
  refresh(true);
  document.addEventListener("gf-progress", () => refresh());
  document.addEventListener("gf-verdict", ({ detail }) => { // from the page's kernel
    const node = exercises.find((one) => one.dataset.exercise === detail.exercise);
    if (node) showVerdict(node, detail);
    refresh();
  });
  document.addEventListener("visibilitychange", () => document.hidden || refresh()); // another tab may have done something
}
