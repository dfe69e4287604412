// One page's Python: Jupyter's kernel protocol (jupyter-client.readthedocs.io, "Messaging") over the browser's WebSocket.

const script = document.querySelector("script[data-base]");
export const base = new URL(script?.dataset.base ?? "/", location.href).pathname;
const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
const SILENT = "Python has not answered for 10 seconds. Wait a little longer, or restart it.";
const COMM = /^comm_(open|msg|close)$/; // the messages of widgets, which have no reply
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Ask the server. Throws an Error with one sentence if it refuses or is not there; `status` says which. */
export async function ask(method, path, body) {
  const xsrf = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)?.[1] ?? ""; // at each request: another server may have changed it
  let answer;
  try {
    answer = await fetch(base + path, {
      method,
      headers: { "X-XSRFToken": decodeURIComponent(xsrf), "Content-Type": "application/json", Accept: "application/json" },
      body: body && JSON.stringify(body),
      keepalive: body?.source !== undefined && body.source.length < 15_000, // an edit is saved although the page is being left
    });
  } catch {
    throw Object.assign(new Error("The guide's server does not answer. Start it again; what was saved is kept."), { status: 0 });
  }
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({}));
  if (answer.ok && !answer.redirected) return said;
  const reason = answer.status === 403 || answer.redirected
    ? "The server does not know this browser any more. Sign in again, or open the address that it printed when it started."
    : said.message || `The server answered ${answer.status}.`;
  throw Object.assign(new Error(reason), { status: answer.status, wait: said.wait });
}

/** A message as the WebSocket carries it: text, or with binary buffers a table of offsets, the text and the buffers. */
function pack(message, buffers = []) {
  if (!buffers.length) return JSON.stringify(message);
  const parts = [new TextEncoder().encode(JSON.stringify(message)), ...buffers.map((b) => new Uint8Array(b.buffer ?? b, b.byteOffset ?? 0, b.byteLength))];
  const offsets = [4 * (parts.length + 1)];
  for (const part of parts) offsets.push(offsets.at(-1) + part.byteLength);
  const whole = new Uint8Array(offsets.pop());
  const table = new DataView(whole.buffer);
  table.setUint32(0, parts.length);
  parts.forEach((part, i) => { table.setUint32(4 * (i + 1), offsets[i]); whole.set(part, offsets[i]); });
  return whole;
}

function unpack(data) {
  if (typeof data === "string") return JSON.parse(data);
  const table = new DataView(data);
  const offsets = Array.from({ length: table.getUint32(0) }, (_, i) => table.getUint32(4 * (i + 1))).concat(data.byteLength);
  const message = JSON.parse(new TextDecoder().decode(data.slice(offsets[0], offsets[1])));
  message.buffers = offsets.slice(1, -1).map((from, i) => new DataView(data.slice(from, offsets[i + 2])));
  return message;
}

/** The page's kernel. `told(state, sentence)` hears "off", "starting", "idle", "busy", "silent" and "lost". */
export class Kernel {
  static PATIENCE = 10_000; // after so many milliseconds without a word, the reader is told

  constructor(page, told) {
    Object.assign(this, { page, told, id: null, socket: null, pending: new Map(), onComm: null, onFirstComm: null, capture: null, held: null, onFresh: null });
    this.session = random();
    this.state = "off";
  }

  say(state, sentence = "") { this.state = state; this.told(state, sentence); }

  /** The kernel that runs already, if any: its id, or null. */
  async find() {
    const { id, why } = await ask("GET", `glassformer/kernels/${this.page}`);
    if (id) await this.connect(id);
    else this.say("off", why);
    return id;
  }

  /** Start the kernel or find it. While PyTorch is being installed this waits, and says so. */
  async start() {
    if (!this.starting && this.socket?.readyState === WebSocket.OPEN && this.id) return;
    this.starting ??= this.begin().finally(() => (this.starting = null));
    await this.starting;
  }

  /** Have nothing to do with the kernel any more: it has gone. */
  part() {
    const socket = this.socket;
    Object.assign(this, { id: null, socket: null });
    socket?.close();
  }

  async begin() {
    this.say("starting", "Python is starting.");
    this.canceled = false;
    for (;;) {
      try {
        const { id } = await ask("POST", `glassformer/kernels/${this.page}`);
        if (id !== this.id) this.onFresh?.();
        return await this.connect(id);
      } catch (error) {
        this.say(error.wait ? "starting" : "off", error.message);
        if (!error.wait) throw error;
        await pause(2000);
        if (this.canceled) {
          this.say("off");
          throw new Error("Not run: you interrupted the wait.");
        }
      }
    }
  }

  async connect(id) {
    this.id = id;
    const address = new URL(`${base}api/kernels/${id}/channels?session_id=${this.session}`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onmessage = ({ data }) => socket === this.socket && this.receive(unpack(data));
    await new Promise((done, fail) => {
      socket.onopen = done;
      socket.onclose = () => fail(new Error("The connection to Python could not be made. Reload the page."));
    });
    socket.onclose = () => socket === this.socket && this.lose();
    await this.ready();
  }

  /** Until the kernel answers that it is there. A request that comes too early is lost, so it is asked again. */
  async ready() {
    const silent = setTimeout(() => this.say("silent", SILENT), Kernel.PATIENCE);
    try {
      for (let answered = false; !answered;) {
        if (this.socket?.readyState !== WebSocket.OPEN) throw new Error("The connection to Python was lost.");
        const { done } = this.send("shell", "kernel_info_request", {});
        answered = await Promise.race([done.then(() => true), pause(1000)]);
        if (answered) break;
        const { execution_state } = await ask("GET", `api/kernels/${this.id}`);
        if (execution_state === "busy") return this.say("busy"); // with another tab's cell, or one from before a reload
      }
    } finally { clearTimeout(silent); }
    this.say("idle");
  }

  /** The connection broke: the kernel may live on. Try again, ever more slowly. What the server kept of the messages comes
   *  before the kernel is ready; what had an answer coming and is not settled then will never be. */
  async lose() {
    this.socket = null;
    for (let wait = 0; ; wait = Math.min(wait * 2 || 500, 15_000)) {
      if (wait) this.say("lost", "The connection to Python was lost. Trying again.");
      await pause(wait);
      try {
        const { id, why } = await ask("GET", `glassformer/kernels/${this.page}`);
        if (id === this.id) {
          const before = [...this.pending.values()];
          await this.connect(id);
          if (this.state === "idle") for (const { reject } of before) reject(new Error("The connection broke while this ran. Run it again."));
          return;
        }
        this.id = null;
        this.fail(why || "Python was stopped.");
        this.onFresh?.();
        return this.say("off", why);
      } catch (error) { if (error.status === 403) return this.say("lost", error.message); }
    }
  }

  /** Send a message; `{id, done}`, where `done` resolves to the reply's content once the kernel is idle again. */
  send(channel, type, content, { output, input, buffers, metadata = {} } = {}) {
    const id = random();
    const header = { msg_id: id, msg_type: type, session: this.session, username: "reader", version: "5.3", date: new Date().toISOString() };
    const done = new Promise((resolve, reject) => this.pending.set(id, { resolve, reject, output, input, reply: COMM.test(type) && {} }));
    done.catch(() => {}); // who waits for it hears of it
    this.socket.send(pack({ header, parent_header: {}, metadata, content, channel }, buffers));
    return { id, done };
  }

  /** Run `code`. `output(message)` hears what it shows, `input(prompt, secret)` resolves to what `input()` gets. */
  async execute(code, { output, input, silent = false } = {}) {
    await this.start();
    const content = { code, silent, store_history: !silent, user_expressions: {}, allow_stdin: Boolean(input), stop_on_error: false };
    const sent = this.send("shell", "execute_request", content, { output, input });
    const request = this.pending.get(sent.id);
    const watch = setTimeout(() => {
      if (!request.heard && this.state !== "busy") this.say("silent", SILENT);
    }, Kernel.PATIENCE);
    try { return await sent.done; } finally { clearTimeout(watch); }
  }

  /** The first widget: what comes until its manager is loaded waits, for a widget may be about to capture it. */
  hold(message) {
    this.held = [message];
    this.onFirstComm().catch(() => {}).finally(() => {
      const held = this.held;
      this.held = this.onFirstComm = null;
      for (const one of held) this.receive(one);
    });
  }

  receive(message) {
    const { header: { msg_type: type }, parent_header: parent, content } = message;
    if (this.held) { this.held.push(message); return; }
    if (type === "comm_open" && !this.onComm && this.onFirstComm) { this.hold(message); return; }
    const request = this.pending.get(parent?.msg_id);
    if (request) request.heard = true;
    if (type === "status") this.hear(content.execution_state);
    else if (COMM.test(type)) this.onComm?.(message);
    else if (this.capture?.(message)) return; // by an Output widget
    if (!request) return;
    if (type === "status" && content.execution_state === "idle") request.idle = true;
    else if (type.endsWith("_reply")) request.reply = content;
    else if (type === "input_request")
      request.input(content.prompt, content.password).then((value) => this.reply(message, value));
    else if (type !== "status") request.output?.(message);
    if (request.idle && request.reply) {
      this.pending.delete(parent.msg_id);
      request.resolve(request.reply);
    }
  }

  hear(state) {
    if (state === "starting" && this.state !== "starting") { // another tab has restarted it
      this.fail("Python was restarted.");
      this.onFresh?.();
      this.say("idle");
    } else if (state === "restarting" || state === "dead") {
      this.fail("Python ended unexpectedly. Its variables are gone.");
      this.onFresh?.();
      if (state === "dead") {
        this.part();
        return this.say("off", "Python ended and could not be started again. Run a cell to try once more.");
      }
      this.say("starting", "Python ended unexpectedly and is starting afresh. Its variables are gone: run the cells above again.");
      this.ready().catch(() => {});
    } else if (this.state !== "starting" && (state === "busy" || state === "idle")) this.say(state);
  }

  reply(to, value) {
    const header = { ...to.header, msg_id: random(), msg_type: "input_reply", session: this.session };
    this.socket?.send(pack({ header, parent_header: to.header, metadata: {}, content: { status: "ok", value }, channel: "stdin" }));
  }

  /** Everything that waits for an answer hears that none will come. */
  fail(sentence) {
    for (const request of this.pending.values()) request.reject(new Error(sentence));
    this.pending.clear();
  }

  async interrupt() {
    this.canceled = true; // if it only waits for the kernel to be there
    if (this.id) await ask("POST", `api/kernels/${this.id}/interrupt`);
  }

  /** Start afresh, whatever it is doing. */
  async restart() {
    if (!this.id) return this.start();
    this.starting = this.afresh().finally(() => (this.starting = null));
    await this.starting;
  }

  async afresh() {
    this.say("starting", "Python is starting afresh.");
    this.fail("Python was restarted.");
    this.onFresh?.();
    try {
      const { id } = await ask("PUT", `glassformer/kernels/${this.page}`);
      if (id === this.id && this.socket?.readyState === WebSocket.OPEN) return await this.ready();
      this.part();
      return await this.begin();
    } catch (error) {
      this.say("silent", error.message);
      throw error;
    }
  }
}
