import { signal } from '@preact/signals';

const KEY = 'ghn-serve theme';
type Theme = 'light' | 'dark';

const system = matchMedia('(prefers-color-scheme: dark)');
const systemTheme = (): Theme => (system.matches ? 'dark' : 'light');
const stored = localStorage.getItem(KEY);

/** The current theme. Canvases read their colours again when it changes. */
export const theme = signal<Theme>(stored === 'light' || stored === 'dark' ? stored : systemTheme());

document.documentElement.dataset.theme = theme.value;
theme.subscribe((value) => {
  document.documentElement.dataset.theme = value;
});
system.addEventListener('change', () => {
  if (!localStorage.getItem(KEY)) theme.value = systemTheme();
});

export function toggleTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark';
  localStorage.setItem(KEY, theme.value);
}

/** Returns a colour of the style sheet in the current theme. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
