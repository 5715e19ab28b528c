import { useEffect, useRef } from 'preact/hooks';
import type { EditorFault, EditorHandle } from './codemirror.js';

export interface JsonEditorProps {
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly faults: readonly EditorFault[];
  readonly label: string;
}

/** An editor for JSON that marks faults in the text. Its code is loaded when it is first shown. */
export function JsonEditor({ text, onChange, faults, label }: JsonEditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorHandle | null>(null);
  const latest = useRef({ text, onChange, faults });
  latest.current = { text, onChange, faults };
  useEffect(() => {
    let isGone = false;
    void import('./codemirror.js').then(({ createEditor }) => {
      if (isGone || !host.current) return;
      editor.current = createEditor(host.current, {
        text: latest.current.text,
        label,
        onChange: (value) => latest.current.onChange(value),
      });
      editor.current.showFaults(latest.current.faults);
    });
    return () => {
      isGone = true;
      editor.current?.destroy();
    };
  }, []);
  useEffect(() => editor.current?.setText(text), [text]);
  useEffect(() => editor.current?.showFaults(faults), [faults]);
  return <div ref={host} class="editor" />;
}
