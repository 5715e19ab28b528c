import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { json } from '../helpers/http.js';
import { startService } from '../helpers/service.js';
import { findPython } from './python.js';

const python = findPython('huggingface_hub', 'safetensors');

it.skipIf(python.missing)(`huggingface_hub reads the service as a hub${python.missing}`, async () => {
  const service = await startService({ API_KEYS: 'hf_secret' });
  const folder = await mkdtemp(join(tmpdir(), 'ghn-serve-hub-'));
  try {
    const environment = {
      HF_ENDPOINT: service.url,
      HF_HOME: folder,
      HF_TOKEN: 'hf_secret',
      HF_HUB_DISABLE_XET: '1',
      HF_HUB_DISABLE_TELEMETRY: '1',
    };
    const found = await python.runWith<{ commit: string; tensors: number }>(
      environment,
      'as_a_hub.py',
      'ghn3-nano/squeezenet1_1',
      'num_classes=10,orthogonalize',
    );
    expect(found).toMatchObject({
      tensors: 52,
      fetchedAgain: false,
      resumed: true,
      snapshot: ['README.md', 'config.json', 'model.safetensors'],
    });
    const record = await json<{ status: string }>(`${service.url}/predictions/${found.commit}`, {
      headers: { authorization: 'Bearer hf_secret' },
    });
    expect(record.status).toBe('succeeded');
  } finally {
    await service.stop();
    await rm(folder, { recursive: true });
  }
});
