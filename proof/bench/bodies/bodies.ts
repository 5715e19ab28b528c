/** Bodies of the largest accepted size. Each kind is expensive in a different way. */

const MAX_BYTES = 16 * 2 ** 20;

/** Room for the text around the repeated part. */
const MARGIN = 200_000;

/** Joins parts with commas until the number of bytes or parts is reached. */
function list(part: (index: number) => string, bytes: number, most = Number.POSITIVE_INFINITY): string {
  const parts: string[] = [];
  for (let index = 0, length = 0; length < bytes && index < most; index++) {
    const text = part(index);
    parts.push(text);
    length += text.length + 1;
  }
  return parts.join(',');
}

const BYTES = MAX_BYTES - MARGIN;

/** A name of the maximum length. */
const LONG = 'n'.repeat(480);

/** Returns a graph that is a chain of convolutions. */
function chain(nodes: number, name: string, jumps: number): string {
  const id = (index: number) => `${name}${index}`;
  const convolutions = list(
    (index) => `{"id":"${id(index)}","op":"conv","weight":{"name":"${id(index)}.weight","shape":[8,8,1,1]}}`,
    Number.POSITIVE_INFINITY,
    nodes - 1,
  );
  const edges: string[] = [];
  for (let index = 0; index < nodes - 1; index++) {
    edges.push(`["${index === 0 ? 'input' : id(index - 1)}","${id(index)}"]`);
    for (let jump = 2; jump <= jumps && index - jump >= 0; jump++) {
      edges.push(`["${id(index - jump)}","${id(index)}"]`);
    }
  }
  return `{"name":"chain","nodes":[{"id":"input","op":"input"},${convolutions}],"edges":[${edges.join(',')}]}`;
}

const dense = (name: string, more = '') =>
  `{"class_name":"Dense","config":{"name":"${name}","units":8${more}}}`;

const keras = (layers: string) =>
  `{"keras":{"class_name":"Sequential","config":{"name":"s","layers":[` +
  `{"class_name":"InputLayer","config":{"name":"input","batch_shape":[null,8]}},${layers}]}}}`;

const request = (architecture: string) => `{"architecture":${architecture}}`;

export const BODIES: Readonly<Record<string, () => string>> = {
  'nodes beyond the limit': () =>
    request(
      `{"name":"x","edges":[],"nodes":[${list((index) => `{"id":"n${index}","op":"conv","weight":{"name":"w${index}","shape":[8,8,1,1]}}`, BYTES)}]}`,
    ),
  'a valid graph of 4,900 nodes and 300,000 edges': () => request(chain(4900, 'n', 61)),
  'a valid graph of 4,000 nodes with long names': () => request(chain(4000, LONG, 2)),
  // Small enough to be parsed in the main process.
  'a valid graph of 250 kB': () => request(chain(1900, 'n', 1)),
  'a Keras model of 250 kB': () => request(keras(list((index) => dense(`d${index}`), 240_000))),
  'unknown keys, 250 kB': () => `{"architecture":"resnet18",${list((index) => `"k${index}":1`, 250_000)}}`,
  'layers beyond the limit': () =>
    request(`{"name":"x","layers":[${list((index) => `{"name":"r${index}","type":"ReLU"}`, BYTES)}]}`),
  'valid layers, 19,000 of them': () =>
    request(
      `{"name":"x","layers":[{"name":"c","type":"Conv2d","in_channels":3,"out_channels":8,"kernel_size":3},${list((index) => `{"name":"${LONG}${index}","type":"ReLU"}`, BYTES, 19_000)}]}`,
    ),
  'Keras layers beyond the limit': () => request(keras(list((index) => dense(`d${index}`), BYTES))),
  'a valid Keras model with 1.2 million values': () =>
    request(
      keras(
        `${dense('d0')},${dense('d1', `,"kernel_initializer":{"class_name":"Constant","config":{"value":[${list(() => '0.12345678', BYTES, 1_200_000)}]}}`)}`,
      ),
    ),
  'a valid Keras model with a text of 15 MB': () =>
    request(keras(dense('d0', `,"x":"${'x'.repeat(BYTES)}"`))),
  'unknown keys, 49,000 in each of many objects': () =>
    `{"architecture":"resnet18",${list((index) => `"k${index % 49_000}":{"a":1}`, BYTES)}}`,
  'one unknown key with a long text': () => `{"architecture":"resnet18","x":"${'x'.repeat(BYTES)}"}`,
  'a list of {}': () => `[${list(() => '{}', BYTES)}]`,
  'objects of 8 bytes, as many as are read': () => `[${list(() => '{"a":1}', BYTES)}]`,
  'nested lists': () => `${'['.repeat(1_900_000)}${']'.repeat(1_900_000)}`,
  numbers: () => `{"architecture":[${list(() => '1.5', BYTES)}]}`,
  spaces: () => `${' '.repeat(BYTES)}{"architecture":"squeezenet1_1"}`,
  'broken at its end': () => `{"architecture":[${list(() => '"abc"', BYTES)}`,
};
