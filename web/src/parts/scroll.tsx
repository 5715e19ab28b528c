import type { ComponentChildren } from 'preact';

/** A box with its own scroll bars, for tables. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: with a keyboard it scrolls only where it can have the focus
    <section class="scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}
