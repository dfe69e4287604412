// The editor of a live cell: CodeMirror 6 with Python, in the page's own colors. Bundled by build.mjs.
import { EditorView, keymap, drawSelection, highlightSpecialChars } from "@codemirror/view";
import { EditorState, Prec } from "@codemirror/state";
import { defaultKeymap, history, historyKeymap, indentWithTab, toggleTabFocusMode } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { python } from "@codemirror/lang-python";
import { tags } from "@lezer/highlight";

const color = (name) => ({ color: `var(--gf-code-${name})` });
const colors = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], ...color("keyword") },
  { tag: [tags.string, tags.special(tags.string)], ...color("string") },
  { tag: [tags.number, tags.bool, tags.null], ...color("number") },
  { tag: [tags.comment], ...color("comment") },
  { tag: [tags.definition(tags.variableName), tags.definition(tags.className), tags.function(tags.variableName)], ...color("name") },
]);
const look = EditorView.theme({
  "&": { backgroundColor: "transparent", color: "inherit", fontSize: "inherit" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-stack--monospace)", lineHeight: "inherit", overflowX: "auto" },
  ".cm-content": { padding: "0.625rem 0", caretColor: "var(--color-foreground-primary)" },
  ".cm-line": { padding: "0 0.875rem" },
  ".cm-cursor": { borderLeftColor: "var(--color-foreground-primary)" },
  ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": { background: "var(--gf-code-selection) !important" },
  "&.cm-focused .cm-matchingBracket": { background: "var(--gf-code-selection)", outline: "none" },
});

/** An editor in `parent` that holds `text`. `label` names it for screen readers; `change()` and `run()` are called
 *  when the reader edits, and presses Shift-Enter. Escape, then Tab, leaves it. */
export function edit(parent, { text, label, change, run }) {
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        Prec.highest(keymap.of([{ key: "Shift-Enter", run: () => { run(); return true; } }, { key: "Escape", run: toggleTabFocusMode }])),
        history(), drawSelection(), highlightSpecialChars(), indentOnInput(), bracketMatching(), EditorView.lineWrapping,
        indentUnit.of("    "), python(), syntaxHighlighting(colors), look,
        keymap.of([indentWithTab, ...defaultKeymap, ...historyKeymap]),
        EditorView.contentAttributes.of({ "aria-label": label, "aria-description": "Python code. Escape, then Tab, leaves the editor.", spellcheck: "false", autocapitalize: "off" }),
        EditorView.updateListener.of((update) => { if (update.docChanged) change(); }),
      ],
    }),
  });
  return {
    get text() { return view.state.doc.toString(); },
    set text(value) { view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: value } }); },
    focus() { view.focus(); },
    get focused() { return view.hasFocus; },
  };
}
