// The page's cells, live: run, edit, interrupt, restart, reset. Loaded by the local app only; the page reads well without.
import { Kernel, ask } from "./kernel.js";
import { element, Outputs } from "./outputs.js";

const about = JSON.parse(document.getElementById("gf-cells")?.textContent ?? "null");
const VERDICT = "application/vnd.glassformer.verdict+json";
const KEY = `gf-live:${about?.page}`;
/** The names that a piece of Python makes, as far as its text shows: assigned, defined or imported, at any depth. */
const madeBy = (text) => new Set([
  ...text.matchAll(/^[ \t]*([A-Za-z_][\w, \t]*?)(?:\[[^\n=]*\])?[ \t]*(?::[^=\n]+)?[-+*/@|&]?=(?!=)/gm),
  ...text.matchAll(/^[ \t]*(?:def|class)[ \t]+(\w+)/gm),
  ...text.matchAll(/^[ \t]*(?:from[^\n]+)?import[ \t]+([^\n#]+)/gm),
  ...text.matchAll(/^[ \t]*for[ \t]+([\w, \t]+?)[ \t]+in\b/gm),
].flatMap((found) => found[1].match(/[A-Za-z_]\w*/g) ?? []).filter((name) => name !== "as"));
const ABOVE = "out of date: a cell above has changed";
const editorModule = () => import("./vendor/editor.js");
const announcer = element("p", { class: "gf-unseen", role: "status" });
const announce = (sentence) => { announcer.textContent = sentence; };
const button = (label, onclick, attributes = {}) => element("button", { type: "button", onclick, ...attributes }, label);

let manager = null;
/** The manager of Jupyter widgets: a large script, so it comes with the first widget. */
const widgets = () => (manager ??= import("./vendor/widgets.js").then((module) => {
  document.head.append(element("link", { rel: "stylesheet", href: new URL("vendor/widgets.css", import.meta.url) }));
  return module.manage(kernel);
}));

/** A piece of code on the page: a cell, or the code of an exercise (then `exercise` is its id). */
class Cell {
  constructor(node, { id, digest, exercise = null }) {
    Object.assign(this, { node, id, digest, exercise, editor: null, ran: null, state: "" });
    this.view = node.querySelector(exercise ? ".gf-starter pre" : ".cell_input pre");
    this.original = this.view.textContent.replace(/\n$/, "");
    this.text = this.original;
    this.name = exercise ? `Your code for ${node.getAttribute("aria-label")}` : `Code: ${this.original.split("\n", 1)[0].slice(0, 60)}`;
    const box = node.querySelector(":scope > .cell_output") ?? element("div", { class: "cell_output" });
    this.outputs = new Outputs(box, widgets);
    this.bar = this.makeBar();
    if (exercise) node.querySelector(".gf-starter").after(this.bar, box);
    else node.append(this.bar, box);
    this.view.addEventListener("click", () => getSelection().isCollapsed && this.edit());
    node.addEventListener("pointerenter", editorModule, { once: true });
    node.addEventListener("focusin", editorModule, { once: true });
  }

  /** The row of buttons under the code: one stop for Tab, arrow keys within. */
  makeBar() {
    this.runButton = button("Run", () => this.press(), { class: "gf-run", title: this.exercise ? "Run your code without checking it" : "Shift-Enter in the code" });
    this.editButton = button("Edit", () => this.edit());
    this.aboveButton = button("Run all above", () => runAbove(this), { title: "Run every cell above this one, in order" });
    this.resetButton = button("Reset", () => this.reset(), { hidden: true, title: "Back to the original code" });
    this.checkButton = this.exercise && button("Check", () => this.check(), { class: "gf-check" });
    this.said = element("span", { class: "gf-said" });
    const bar = element("div", { class: "gf-bar", role: "toolbar", "aria-label": this.name },
      ...[this.checkButton, this.runButton, this.editButton, !this.exercise && this.aboveButton, this.resetButton].filter(Boolean), this.said);
    const buttons = [...bar.querySelectorAll("button")];
    buttons.forEach((one, i) => (one.tabIndex = i ? -1 : 0));
    bar.addEventListener("keydown", (event) => {
      const shown = buttons.filter((one) => !one.hidden);
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = shown[(shown.indexOf(document.activeElement) + step + shown.length) % shown.length];
      for (const one of buttons) one.tabIndex = one === next ? 0 : -1;
      next.focus();
      event.preventDefault();
    });
    return bar;
  }

  get edited() { return this.text !== this.original; }
  get isCheck() { return this.node.classList.contains("tag_check"); }
  get mayFail() { return this.node.classList.contains("tag_raises-exception"); }

  /** The cells below that use a name which this one makes, or one of those in turn. */
  dependents() {
    const made = madeBy(`${this.original}\n${this.text}`);
    return (this.exercise ? [] : cells.slice(cells.indexOf(this) + 1)).filter((cell) => {
      if (!(cell.text.match(/[A-Za-z_]\w*/g) ?? []).some((name) => made.has(name))) return false;
      for (const name of madeBy(cell.text)) made.add(name);
      return true;
    });
  }

  /** What it cannot run without, by the names that `glassformer get` takes. */
  get needs() { return [...this.node.classList].filter((one) => one.startsWith("tag_needs-")).map((one) => one.slice("tag_needs-".length)); }

  get busy() { return this.state === "running" || this.state === "waiting"; }

  /** Put an editor in the code's place. */
  async edit() {
    this.node.querySelector("details.hide")?.setAttribute("open", "");
    if (!this.editor) {
      const { edit } = await editorModule();
      if (this.editor) return; // two clicks
      const host = element("div", { class: "gf-editor" });
      this.view.replaceWith(host);
      this.editor = edit(host, { text: this.text, label: this.name, change: () => this.changed(), run: () => this.run() });
    }
    this.editor.focus();
  }

  changed() {
    this.text = this.editor?.text ?? this.text;
    this.mark();
    this.outdate(true);
    for (const cell of this.dependents()) cell.outdate(true, ABOVE);
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.save(), 400);
  }

  async save() {
    clearTimeout(this.saving);
    this.saving = null;
    const path = `glassformer/edits/${about.page}/${this.id}`;
    try {
      if (this.edited) await ask("PUT", path, { digest: this.digest, source: this.text });
      else await ask("DELETE", path, { digest: this.digest });
      if (this.unsaved) this.say("");
      this.unsaved = false;
    } catch (error) { this.unsaved = true; this.say(`Not saved: ${error.message}`); }
  }

  /** Show `text` without the weight of an editor. */
  show(text) {
    this.text = text;
    if (this.editor) this.editor.text = text;
    else {
      this.colored ??= this.view.innerHTML; // the original with its colors, until now
      if (this.edited) this.view.textContent = text;
      else this.view.innerHTML = this.colored;
    }
    this.mark();
  }

  mark() {
    this.node.classList.toggle("gf-edited", this.edited);
    this.resetButton.hidden = !this.edited;
    if (!this.edited && this.resetButton.tabIndex === 0) { this.resetButton.tabIndex = -1; this.runButton.tabIndex = 0; }
  }

  reset() {
    const held = this.bar.contains(document.activeElement);
    this.show(this.original);
    if (this.ran !== null && this.ran !== this.original && !this.busy) {
      this.outputs.publish();
      this.ran = null;
      this.become("");
    }
    this.outdate(false);
    published();
    for (const cell of this.dependents()) cell.outdate(cell.ran !== null, ABOVE);
    this.save();
    if (held) this.runButton.focus();
    announce("The cell is back to its original code.");
  }

  /** Mark what stands below as no longer following from the code, and say why; or take the mark away. */
  outdate(yes, why = "not run since it was changed") {
    const marked = yes && this.outputs.box.childNodes.length > 0;
    if (!this.busy && marked !== this.node.classList.contains("gf-outdated")) this.say(marked ? why : "");
    this.node.classList.toggle("gf-outdated", marked);
  }

  press() { if (this.busy) interrupt(); else this.run(); }

  run() { if (!this.busy) queue([this]); }

  /** Send the exercise's code to be checked, in a process of its own; the page shows the verdict. */
  check() {
    this.again = this.busy; // pressed while the last answer is still being checked: its turn comes after that
    if (!this.busy) queue([this], (cell) => `%%exercise ${cell.exercise}\n${cell.text}`);
  }

  become(state, sentence = "") {
    this.state = state;
    for (const name of ["waiting", "running", "done", "failed"]) this.node.classList.toggle(`gf-${name}`, name === state);
    this.runButton.textContent = this.busy ? "Interrupt" : "Run";
    this.say(sentence);
    if (this.again && !this.busy) queueMicrotask(() => this.check());
  }

  say(sentence) { this.said.textContent = sentence; }

  /** Offer to fetch published weights that are not on this machine; whether they are. */
  async equipped() {
    for (const name of this.needs) {
      const { here, about: what, megabytes } = await ask("GET", `glassformer/weights/${name}`);
      if (here) continue;
      const fetching = `from glassformer.app.weights import fetch\nfetch("${name}")`;
      const fetch = async () => {
        offer.remove();
        await queue([this], () => fetching);
        if ((await ask("GET", `glassformer/weights/${name}`)).here) this.run();
      };
      const offer = element("p", { class: "gf-note" }, `This cell needs ${what}. It is fetched once, checked, and kept on this machine. `,
        button(`Fetch ${megabytes} MB, then run`, fetch));
      this.outputs.put(offer);
      this.become("", "Not run: weights are missing");
      announce(`This cell needs weights of ${megabytes} megabytes, which can be fetched.`);
      return false;
    }
    return true;
  }

  async execute(code) {
    if (this.saving) this.save();
    if (code(this) === this.text && this.needs.length && !(await this.equipped())) return false;
    const source = code(this), began = performance.now();
    const outputs = source === this.text ? this.outputs : null;
    this.become("running", "Running");
    outputs?.begin();
    let failed = null;
    const output = (message) => {
      if (message.header.msg_type === "error") failed = message.content;
      const verdict = message.content.data?.[VERDICT];
      if (verdict) document.dispatchEvent(new CustomEvent("gf-verdict", { detail: verdict }));
      else (outputs ?? this.outputs).add(message);
    };
    if (!outputs) this.outputs.clear();
    try {
      const reply = await kernel.execute(source, { output, input: (prompt, secret) => this.input(prompt, secret) });
      if (reply.status === "error" && !failed) output({ header: { msg_type: "error" }, content: reply }); // lost in a flood of output
      else if (reply.status === "aborted") throw new Error("Python dropped this cell. Run it again.");
    } catch (error) {
      this.outputs.end();
      this.become("failed", error.message);
      announce(error.message);
      return false;
    }
    this.outputs.end();
    if (!outputs) { this.become(""); return true; }
    Object.assign(this, { ran: source });
    this.outdate(false);
    const seconds = (performance.now() - began) / 1000;
    this.become(failed ? "failed" : "done", failed ? "" : `Done in ${seconds < 0.1 ? seconds.toFixed(2) : seconds.toFixed(1)} s`);
    announce(failed ? `The cell failed. ${failed.ename}: ${failed.evalue}` : "The cell ran.");
    if (failed?.ename === "NameError" && !this.mayFail) this.offerAbove();
    return !failed || this.mayFail;
  }

  /** A name that is not known is most often one from a cell above that has not been run. */
  offerAbove() {
    const above = this.exercise ? [] : cells.slice(0, cells.indexOf(this));
    if (!above.some((cell) => cell.ran === null && !cell.isCheck)) return;
    this.outputs.put(element("p", { class: "gf-note" }, "Some cells above have not been run yet in this Python. ",
      button("Run them, then this one", () => runAbove(this, true))));
  }

  /** What `input()` in a cell asks for. */
  input(prompt, secret) {
    const field = element("input", { type: secret ? "password" : "text", "aria-label": prompt || "Input for this cell" });
    const form = element("form", { class: "gf-input" }, element("label", {}, prompt, field), element("button", {}, "Enter"));
    this.outputs.put(form);
    field.focus();
    return new Promise((done) => form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.replaceWith(element("pre", {}, `${prompt}${secret ? "" : field.value}`));
      done(field.value);
    }));
  }
}

// One thing runs at a time. A failure drops what was to run after it in the same batch.
let line = [], working = false;

async function queue(batch, code = (cell) => cell.text) {
  for (const cell of batch) cell.become("waiting", "Waiting");
  line.push(...batch.map((cell) => ({ cell, batch, code })));
  if (working) return;
  working = true;
  while (line.length) {
    const next = line.shift();
    if (await next.cell.execute(next.code)) continue;
    drop((other) => other.batch === next.batch);
    if (next.batch.length > 1) next.cell.node.scrollIntoView({ block: "nearest" });
  }
  working = false;
  published();
  remember();
}

function drop(which) {
  for (const { cell } of line.filter(which)) cell.become("");
  line = line.filter((other) => !which(other));
}

/** Every cell above, in order. A check holds for the page as it stands, so it is left out once a cell above it was edited. */
function runAbove(cell, itself = false) {
  const above = cells.slice(0, cells.indexOf(cell) + (itself ? 1 : 0));
  const batch = above.filter((one, i) => !one.busy && !(one.isCheck && above.slice(0, i).some((earlier) => earlier.edited)));
  if (batch.length) queue(batch);
  else announce("There is no cell above.");
}

/** Results in sentences come from the original cells: after a changed one has run they are marked as such. */
function published() {
  const changed = cells.find((cell) => cell.ran !== null && cell.ran !== cell.original);
  for (const value of document.querySelectorAll(".gf-eval")) {
    const after = changed && changed.node.compareDocumentPosition(value) & Node.DOCUMENT_POSITION_FOLLOWING;
    value.classList.toggle("gf-published", Boolean(after));
    if (after) value.title = "As published: computed by the original cells, not by yours.";
    else value.removeAttribute("title");
  }
}

// The panel that says what Python is doing, with what stops it.
const sentence = element("span", { class: "gf-sentence" }, "");
const interruptButton = button("Interrupt", () => interrupt());
const restartButton = button("Restart", () => restart());
const panel = element("section", { class: "gf-python", "aria-label": "Python", hidden: true },
  element("span", { class: "gf-dot" }), sentence, interruptButton, restartButton);
const WORDS = { off: "Python is not running", starting: "Python is starting", idle: "Python is ready", busy: "Python is working", silent: "", lost: "" };

const kernel = new Kernel(about?.page, (state, words) => {
  panel.dataset.state = state;
  sentence.textContent = words || WORDS[state];
  panel.hidden = state === "off" && !words;
  interruptButton.hidden = !["busy", "silent"].includes(state);
  restartButton.hidden = !["busy", "silent", "idle"].includes(state);
  if (words && state !== "starting") announce(words);
});
kernel.onFresh = () => {
  for (const cell of [...cells, ...exercises]) cell.ran = null;
  if (manager) manager.then((one) => one.clear());
  remember();
};

kernel.onFirstComm = widgets;

let asked = null;
async function interrupt() {
  drop(() => true);
  clearTimeout(asked);
  try { await kernel.interrupt(); } catch (error) { announce(error.message); }
  asked = setTimeout(() => {
    if (kernel.state !== "busy") return;
    sentence.textContent = "Python does not react: it is inside a step that cannot be interrupted. Restart it, or wait.";
    announce(sentence.textContent);
  }, 2000);
}

async function restart() {
  drop(() => true);
  try { await kernel.restart(); } catch (error) { sentence.textContent = error.message; }
  remember();
}

/** What a reload brings back, as long as Python still runs: what the cells showed. The edits are on the server. */
function remember() {
  const shown = {};
  for (const cell of [...cells, ...exercises])
    if (cell.ran !== null && cell.outputs.kept) shown[cell.id] = { ran: cell.ran, messages: cell.outputs.kept };
  try { sessionStorage.setItem(KEY, JSON.stringify({ kernel: kernel.id, shown })); } catch { sessionStorage.removeItem(KEY); } // too much
}

async function recall() {
  const edits = await ask("GET", `glassformer/edits/${about.page}`);
  const all = [...cells, ...exercises];
  for (const cell of all) {
    const { [cell.digest]: mine, ...earlier } = edits[cell.id] ?? {};
    if (mine !== undefined) cell.show(mine);
    const last = Object.values(earlier).at(-1);
    if (last !== undefined) cell.bar.append(button("Show my earlier version", ({ target }) => {
      cell.show(last);
      cell.changed();
      target.remove();
    }, { title: "The guide has changed this cell since you edited it." }));
  }
  const id = await kernel.find();
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (!id || kept?.kernel !== id) return;
  for (const cell of all) {
    const shown = kept.shown[cell.id];
    if (!shown) continue;
    cell.ran = shown.ran;
    cell.outputs.restore(shown.messages);
    cell.become("done");
    if (cell.text !== cell.ran) cell.outdate(true);
  }
  published();
}

const cells = [], exercises = [];
if (about) {
  for (const [anchor, id, digest] of about.cells) cells.push(new Cell(document.getElementById(anchor), { id, digest }));
  for (const node of document.querySelectorAll(".gf-exercise[data-kind=code]"))
    exercises.push(new Cell(node, { id: node.dataset.exercise, digest: node.dataset.digest, exercise: node.dataset.exercise }));
  document.body.append(panel, announcer);
  document.documentElement.classList.add("gf-is-live");
  performance.mark("gf-live"); // from here on cells can be run; benchmarks/app.py reads it
  addEventListener("pagehide", () => { for (const cell of [...cells, ...exercises]) if (cell.saving) cell.save(); });
  recall().catch((error) => { panel.hidden = false; sentence.textContent = error.message; });
}
