import { useState } from 'preact/hooks';

export interface Sample {
  readonly language: string;
  readonly code: string;
}

/** The same in several languages, one of them shown, with a button that copies it. */
export function CodeSamples({ samples, label }: { samples: readonly Sample[]; label: string }) {
  const [chosen, choose] = useState(samples[0].language);
  const [isCopied, setCopied] = useState(false);
  const { code } = samples.find(({ language }) => language === chosen) ?? samples[0];
  const copy = async () => {
    await navigator.clipboard.writeText(code);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <section class="code" aria-label={label}>
      <div class="code-bar">
        {samples.map(({ language }) => (
          <button
            key={language}
            type="button"
            class="tab"
            aria-pressed={language === chosen}
            onClick={() => choose(language)}
          >
            {language}
          </button>
        ))}
        <button type="button" class="quiet push" onClick={copy} aria-live="polite">
          {isCopied ? 'Copied' : 'Copy'}
        </button>
      </div>
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
    </section>
  );
}
