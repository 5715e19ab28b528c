import { json } from '@codemirror/lang-json';
import { syntaxTree } from '@codemirror/language';
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint';
import { EditorView } from '@codemirror/view';
import { basicSetup } from 'codemirror';

type SyntaxNode = ReturnType<typeof syntaxTree>['topNode'];

/** A fault in the text; `path` is a JSON pointer to it. */
export interface EditorFault {
  readonly path: string;
  readonly message: string;
}

export interface EditorHandle {
  setText(text: string): void;
  showFaults(faults: readonly EditorFault[]): void;
  destroy(): void;
}

/** Largest number of marks. More would not help a person. */
const MAX_MARKS = 200;

/**
 * Creates an editor in an element. It lives in a shadow root, where CodeMirror adopts its style sheets, which the
 * page's policy allows, instead of adding `style` elements, which it forbids.
 */
export function createEditor(
  host: HTMLElement,
  { text, label, onChange }: { text: string; label: string; onChange: (text: string) => void },
): EditorHandle {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  const view = new EditorView({
    doc: text,
    root,
    parent: root,
    extensions: [
      basicSetup,
      json(),
      lintGutter(),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': label }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) onChange(update.state.doc.toString());
      }),
      EditorView.theme({
        '&': { height: '100%', fontSize: '13px', backgroundColor: 'var(--field)', color: 'var(--text)' },
        '.cm-scroller': { fontFamily: 'ui-monospace, monospace' },
        '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--muted)', border: 'none' },
        '.cm-activeLine, .cm-activeLineGutter': {
          backgroundColor: 'color-mix(in srgb, var(--accent) 8%, transparent)',
        },
        '.cm-cursor': { borderLeftColor: 'var(--text)' },
        '.cm-content': { caretColor: 'var(--text)' },
        '.cm-tooltip': {
          backgroundColor: 'var(--surface)',
          color: 'var(--text)',
          border: '1px solid var(--line)',
        },
      }),
    ],
  });
  // Without this, a read-only text could not be scrolled with a keyboard.
  view.scrollDOM.tabIndex = 0;
  return {
    setText(next) {
      if (next !== view.state.doc.toString()) {
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } });
      }
    },
    showFaults(faults) {
      const marks = faults.slice(0, MAX_MARKS).map(({ path, message }): Diagnostic => {
        return { ...placeOf(view, path), severity: 'error', message };
      });
      view.dispatch(setDiagnostics(view.state, marks));
      if (marks.length > 0)
        view.dispatch({ effects: EditorView.scrollIntoView(marks[0].from, { y: 'center' }) });
    },
    destroy() {
      view.destroy();
    },
  };
}

/** Returns the position of the value that a JSON pointer names, or of the nearest value around it if it is missing. */
function placeOf(view: EditorView, pointer: string): { from: number; to: number } {
  const { doc } = view.state;
  let node: SyntaxNode | null = syntaxTree(view.state).topNode.firstChild;
  for (const part of pointer.split('/').slice(1).map(unescapePart)) {
    if (!node) break;
    const next: SyntaxNode | null =
      node.name === 'Array'
        ? (values(node)[Number(part)] ?? null)
        : (node.getChildren('Property').find((property) => {
            const name = property.getChild('PropertyName');
            return name !== null && JSON.parse(doc.sliceString(name.from, name.to)) === part;
          }) ?? null);
    if (!next) break;
    node = next.name === 'Property' ? (values(next)[0] ?? next) : next;
  }
  if (!node) return { from: 0, to: Math.min(1, doc.length) };
  // Only the first line of a large value is marked: if a whole network were underlined, the place would not be visible.
  return { from: node.from, to: Math.min(node.to, doc.lineAt(node.from).to) };
}

const VALUES = new Set(['Object', 'Array', 'String', 'Number', 'True', 'False', 'Null']);

function values(parent: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = parent.firstChild; child; child = child.nextSibling)
    if (VALUES.has(child.name)) found.push(child);
  return found;
}

/** Unescapes a part of a JSON pointer (RFC 6901). */
const unescapePart = (part: string) => part.replaceAll('~1', '/').replaceAll('~0', '~');
