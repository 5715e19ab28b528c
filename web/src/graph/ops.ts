/** The colour of each operation. The hue is the same in both themes. */
export const OP_COLOURS: Readonly<Record<string, string>> = {
  input: '#6b7280',
  conv: '#2f6fd6',
  sep_conv: '#0d8f8c',
  dil_conv: '#6a5acd',
  bias: '#7d8597',
  bn: '#d97706',
  ln: '#c2410c',
  pos_enc: '#be185d',
  max_pool: '#15803d',
  avg_pool: '#4d7c0f',
  glob_avg: '#166534',
  msa: '#9333ea',
  cse: '#a21caf',
  sum: '#475569',
  concat: '#334155',
  block: '#1e3a5f',
  other: '#57534e',
};

export const opColour = (op: string): string => OP_COLOURS[op] ?? OP_COLOURS.other;
