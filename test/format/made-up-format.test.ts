import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { tinyGraph } from '../architecture/fixtures.js';
import { post } from '../helpers/http.js';
import { startService, type TestService } from '../helpers/service.js';

// Does the same as a new module in src/format with its line in formats.ts.
vi.mock('../../src/format/formats.js', async (original) => {
  const { FORMATS } = await original<typeof import('../../src/format/formats.js')>();
  const { SHAPES } = await import('./shapes-format.js');
  return { FORMATS: [...FORMATS, SHAPES] };
});

describe('a format that is added to the list of formats', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.stop());

  it('can be requested', async () => {
    const response = await post(service.url, { architecture: tinyGraph(), dtype: 'F16', format: 'shapes' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-disposition')).toContain('tiny.txt');
    expect(await response.text()).toBe(
      'conv1.weight 16,3,3,3\nbn1.weight 16\nbn1.bias 16\nfc.weight 10,16\nfc.bias 10\n',
    );
    const part = await fetch(
      `${service.url}${response.headers.get('location')}/weights?format=shapes&tensors=bn1.*`,
    );
    expect(await part.text()).toBe('bn1.weight 16\nbn1.bias 16\n');
  });

  it('is refused if its descriptor says that it does not fit', async () => {
    const detail = async (fields: object) => {
      const response = await post(service.url, { architecture: tinyGraph(), format: 'shapes', ...fields });
      expect(response.status).toBe(422);
      return ((await response.json()) as { errors: { message: string }[] }).errors[0].message;
    };
    expect(await detail({ dtype: 'F32' })).toContain('shapes has no F32: take F16');
    expect(await detail({ dtype: 'F16', postprocess: { noise: 1 } })).toContain(
      'post-processed weights cannot be shapes: take safetensors or npz',
    );
  });

  it('is in the OpenAPI document', async () => {
    const document = await (await fetch(`${service.url}/openapi.json`)).text();
    expect(document).toMatch(/"safetensors","tiled","npz"[^\]]*,"shapes"/);
  });
});
