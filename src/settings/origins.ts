import { list } from './values.js';

/** Returns the origin of an address, in the form that browsers send; null if it has none. */
function originOf(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const { protocol, host } = new URL(address);
  return host === '' || host.includes('*') ? null : `${protocol}//${host}`;
}

/** Origins of pages that may call the service, or `*`. */
export const origins = list.transform((entries, context) => {
  if (entries.length === 0) context.addIssue('names no origin: give one, or leave it out');
  for (const entry of entries) {
    const origin = originOf(entry);
    if (entry === '*' || entry === 'null' || entry === origin) continue;
    const meant = origin ?? 'an origin such as https://lab.example, or *';
    context.addIssue(`${JSON.stringify(entry)} is not an origin: write ${meant}`);
  }
  return entries;
});
