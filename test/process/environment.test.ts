import { expect, it } from 'vitest';
import { childEnvironment } from '../../src/process/environment.js';

it('gives a process the variables that libraries need, and no secret', () => {
  const needed = {
    PATH: '/bin',
    HOME: '/root',
    CUDA_VISIBLE_DEVICES: '0',
    LD_LIBRARY_PATH: '/opt/lib',
    OMP_NUM_THREADS: '2',
  };
  const secrets = {
    API_KEYS: 'a',
    HF_TOKEN: 'b',
    AWS_SECRET_ACCESS_KEY: 'c',
    DATABASE_URL: 'd',
    TF_TOKEN_app: 'e',
    NVIDIA_API_KEY: 'f',
    GITHUB_PAT: 'g',
  };
  expect(childEnvironment({ ...needed, ...secrets })).toEqual(needed);
});
