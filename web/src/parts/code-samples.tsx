import { useState } from 'preact/hooks';
import type { Sample } from '../views/samples.js';

/** Code in several languages, of which one is shown, with a button that copies it. */
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
    <section class="code">
      <h2>{label}</h2>
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
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: with a keyboard it scrolls only where it can have the focus */}
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
    </section>
  );
}
