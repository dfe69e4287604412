// A text split by byte-level BPE with the first merges of a table. Tokens are numbers: 0 to 255 are the bytes in GPT-2's
// order, each merge makes the next one, unless another merge has made the same bytes before.

const MOST = 300; // characters that are read
const RULE = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const printable = (b) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
const every = Array.from({ length: 256 }, (_, b) => b);
const ORDER = [...every.filter(printable), ...every.filter((b) => !printable(b))]; // the byte of each of the first ids

/** UTF-8. Half a surrogate pair, which is no text, counts as U+FFFD. */
function utf8(text) {
  return [...text].flatMap((character) => {
    let c = character.codePointAt(0);
    if (c >= 0xd800 && c <= 0xdfff) c = 0xfffd;
    const tail = (n) => Array.from({ length: n }, (_, i) => 0x80 | ((c >> (6 * (n - 1 - i))) & 63));
    if (c < 0x80) return [c];
    if (c < 0x800) return [0xc0 | (c >> 6), ...tail(1)];
    return c < 0x10000 ? [0xe0 | (c >> 12), ...tail(2)] : [0xf0 | (c >> 18), ...tail(3)];
  });
}

/** The characters of whole UTF-8; null where bytes are part of a character. They come from a well-formed text. */
function characters(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const b = bytes[i], n = b < 0x80 ? 1 : b < 0xc0 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
    if (!n || i + n > bytes.length) return null;
    let c = n === 1 ? b : b & (0xff >> (n + 1));
    for (const next of bytes.slice(i + 1, i + n)) c = (c << 6) | (next & 63);
    text += String.fromCodePoint(c);
    i += n;
  }
  return text;
}

/** The table made ready: the bytes of each token, and for each pair its rank and the token it makes. */
function prepare(table) {
  const tokens = ORDER.map((b) => [b]), known = new Map(tokens.map((token, id) => [token.join(), id])), ranks = new Map();
  table.forEach(([left, right], rank) => {
    const token = [...tokens[left], ...tokens[right]], name = token.join();
    if (!known.has(name)) known.set(name, tokens.push(token) - 1);
    ranks.set(`${left} ${right}`, { rank, made: known.get(name) });
  });
  return { tokens, ranks };
}

let ready = { table: null };
const prepared = (table) => (ready.table === table ? ready : (ready = { table, ...prepare(table) }));

/** One word: of all pairs side by side the earliest learned is merged first, from the left. */
function merge(ids, ranks, used) {
  let last = -1;
  for (;;) {
    let best = null, at = -1, next = Infinity;
    for (let i = 0; i + 1 < ids.length; i++) {
      const found = ranks.get(`${ids[i]} ${ids[i + 1]}`);
      if (found && found.rank >= used) next = Math.min(next, found.rank);
      else if (found && (!best || found.rank < best.rank)) [best, at] = [found, i];
    }
    if (!best) return { ids, last, next };
    ids = [...ids.slice(0, at), best.made, ...ids.slice(at + 2)];
    last = Math.max(last, best.rank);
  }
}

/** Everything the figure says about a state: pure, so that a test can hold it against the library. */
function compute({ text, table, used }) {
  const { tokens, ranks } = prepared(table), byte = (b) => ORDER.indexOf(b);
  const read = [...text].slice(0, MOST).join(""), words = read.match(RULE) ?? [];
  const merged = words.map((word) => merge(utf8(word).map(byte), ranks, used));
  const ids = merged.flatMap((word) => word.ids), last = Math.max(-1, ...merged.map((word) => word.last));
  const next = Math.min(Infinity, ...merged.map((word) => word.next));
  const result = {
    ids, bytes: utf8(read).length, characters: [...read].length, dropped: [...text].length > MOST,
    pieces: merged.map((word) => word.ids.map((id) => tokens[id])),
    last, next: Number.isFinite(next) ? next : -1, used,
  };
  return { ...result, sentence: say(result, table, tokens) };
}

const hex = (bytes) => bytes.map((b) => b.toString(16).toUpperCase().padStart(2, "0")).join(" ");
const SIGNS = { " ": "␣", "\n": "↵", "\t": "⇥" };
/** A token as it is shown: spaces made visible, bytes that are no whole character in hexadecimal. */
function shown(bytes) {
  const text = characters(bytes);
  if (text === null || /[\p{Cc}\p{Cn}\p{Co}]/u.test(text.replace(/[\n\t]/g, ""))) return { text: hex(bytes), raw: true };
  return { text: text.replace(/[ \n\t]/g, (c) => SIGNS[c]), raw: false };
}

const some = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
function say({ ids, bytes, last, next, used, dropped }, table, tokens) {
  if (!ids.length) return "There is no text, so there are no tokens.";
  const name = (rank) => table[rank].map((id) => `“${shown(tokens[id]).text}”`).join(" + ");
  const listed = ids.length > 12 ? `${ids.slice(0, 12).join(", ")} and ${ids.length - 12} more` : ids.join(", ");
  return [
    `With ${some(used, "merge")}, ${some(bytes, "byte")} are ${some(ids.length, "token")}: ${listed}.`,
    last < 0 ? "No merge has changed this text." : `The latest merge used here is number ${last + 1}, ${name(last)}.`,
    next < 0 ? "No later one changes it." : `The next one that changes it is number ${next + 1}, ${name(next)}.`,
    dropped ? `Only the first ${MOST} characters are read.` : "",
  ].join(" ").trim();
}

const TRAITS = ["text", "table", "used"];

function render({ model, el }) {
  const read = () => Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const step = (to) => () => {
    const state = read(), target = to(compute(state));
    if (target !== null) put(model, { used: target });
  };
  const button = (words, to) => html("button", { type: "button", class: "gf-button", onclick: step(to) }, words);
  const before = ({ last }) => (last < 0 ? null : last), after = ({ next }) => (next < 0 ? null : next + 1);
  const back = button("← Undo the latest", before), forth = button("Next merge in this text →", after);
  const fieldId = uniqueId("text");
  const field = html("textarea", { id: fieldId, class: "field", rows: 2, autocomplete: "off", spellcheck: "false",
    oninput: () => put(model, { text: field.value }) });
  const many = slider({ label: "Merges of the table that may be used", min: 0, max: model.get("table").length, step: 1,
    digits: 0, oninput: (used) => put(model, { used }) });
  const tokens = html("ol", { class: "tokens", "aria-label": "The tokens, each with its id" });
  const { node: sentence, say: announce, stop } = liveRegion(400); // while a text is typed, it waits
  const root = html("div", { class: "gf gf-merges" },
    html("div", { class: "typed" }, html("label", { for: fieldId, class: "gf-label" }, "Text"), field),
    many.node, html("div", { class: "buttons" }, back, forth), tokens, sentence);
  el.append(root);

  const unfollow = follow(model, TRAITS, () => {
    const state = read(), result = compute(state);
    if (field.value !== state.text) field.value = state.text;
    many.input.max = state.table.length;
    many.show(state.used);
    set(back, { "aria-disabled": before(result) === null ? "true" : null });
    set(forth, { "aria-disabled": after(result) === null ? "true" : null });
    let place = 0;
    tokens.replaceChildren(...result.pieces.flatMap((word, number) => word.map((bytes) => {
      const { text, raw } = shown(bytes), id = result.ids[place++];
      return html("li", { class: `token ${number % 2 ? "odd" : "even"}${raw ? " raw" : ""}` },
        html("span", { class: "piece" }, text), html("span", { class: "id" }, String(id)));
    })));
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
