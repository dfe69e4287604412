// A widget's line to its other half in the kernel: what the widgets' own code calls an IClassicComm.
export const TARGET = "jupyter.widget";

export class Comm {
  constructor(manager, id, target = TARGET) {
    Object.assign(this, { manager, comm_id: id, target_name: target, early: [], hears: null, closes: null });
    manager.comms.set(id, this);
  }

  open(data, callbacks, metadata, buffers) { return this.tell("comm_open", { target_name: this.target_name, data }, callbacks, metadata, buffers); }
  send(data, callbacks, metadata, buffers) { return this.tell("comm_msg", { data }, callbacks, metadata, buffers); }
  close(data = {}, callbacks, metadata, buffers) {
    this.manager.forget(this.comm_id);
    return this.tell("comm_close", { data }, callbacks, metadata, buffers);
  }
  on_msg(call) { this.hears = call; for (const message of this.early.splice(0)) call(message); }
  on_close(call) { this.closes = call; }

  /** What the kernel prints and shows while it works on the message goes to the callbacks, and so does its being done. */
  tell(type, content, callbacks, metadata = {}, buffers = []) {
    const { kernel, prints } = this.manager;
    if (kernel.socket?.readyState !== WebSocket.OPEN) throw new Error("Python is not connected."); // send() would lose it
    const output = callbacks?.iopub?.output ?? prints.get(this.comm_id);
    const { id, done } = kernel.send("shell", type, { comm_id: this.comm_id, ...content }, { metadata, buffers, output });
    done.then(() => callbacks?.iopub?.status?.({ content: { execution_state: "idle" } }), () => {});
    return id;
  }

  take(message) {
    if (message.header.msg_type === "comm_close") { this.manager.forget(this.comm_id); return this.closes?.(message); }
    return this.hears ? this.hears(message) : this.early.push(message);
  }
}
