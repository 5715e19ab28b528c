import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseArchitecture } from '../../src/architecture/parse.js';
import { PredictorMemoryError, PredictorUnavailableError } from '../../src/predictor/executor.js';
import { Predictor } from '../../src/predictor/predictor.js';
import type { PredictionJob } from '../../src/predictor/protocol.js';
import { LIMITS, tinyGraph } from '../architecture/fixtures.js';
import { keyOf } from '../helpers/ghn.js';
import { checkpointFile } from '../helpers/service.js';

const THREE = await keyOf('ghn3-nano.pt');

const GIBIBYTE = 2 ** 30;

const job = (network = tinyGraph(), fields: Partial<PredictionJob> = {}): PredictionJob => ({
  ghn: THREE,
  architecture: parseArchitecture(network, LIMITS),
  predictClassifier: true,
  seed: 0,
  dtype: 'F32',
  postprocess: null,
  ...fields,
});

/** A weight of 4 GiB, since post-processed weights are not tiled. */
const LARGE = job(
  {
    name: 'large',
    nodes: [
      { id: 'input', op: 'input' },
      { id: 'fc', op: 'conv', weight: { name: 'fc.weight', shape: [32768, 32768] } },
      { id: 'head', op: 'conv', weight: { name: 'head.weight', shape: [10, 32768] } },
    ],
    edges: [
      ['input', 'fc'],
      ['fc', 'head'],
    ],
  },
  { postprocess: { noise: 0.1, orthogonalize: false, fromLayer: 0, minChannels: 0, seed: 0 } },
);

async function startedPredictor(engine: 'onnxruntime' | 'wasm' = 'onnxruntime') {
  const problems: string[] = [];
  const predictor = new Predictor(
    {
      engine: { engine, device: 'cpu' },
      checkpoints: [{ id: 'three', path: checkpointFile('ghn3-nano.pt') }],
    },
    { onProblem: (message) => problems.push(message) },
  );
  onTestFinished(() => predictor.close());
  predictor.start();
  await predictor.started;
  return { predictor, problems };
}

/** Limits the address space of a process to `more` bytes above its present size. */
async function limitMemory(pid: number, more: number): Promise<void> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const size = Number(/^VmSize:\s*(\d+) kB$/m.exec(status)![1]) * 1024;
  execFileSync('prlimit', ['--pid', String(pid), `--as=${size + more}`]);
}

function hasPrlimit(): boolean {
  try {
    execFileSync('prlimit', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasPrlimit())('a network that is too large for the memory', () => {
  it.each(['onnxruntime', 'wasm'] as const)(
    'on %s is refused for lack of memory, and a smaller one is predicted',
    async (engine) => {
      const { predictor, problems } = await startedPredictor(engine);
      const { pid } = predictor;
      const before = await predictor.predict(job());
      await limitMemory(pid!, GIBIBYTE);
      for (let time = 0; time < 3; time++) {
        const failure = await predictor.predict(LARGE).then(
          () => null,
          (error: Error) => error,
        );
        expect(failure).toBeInstanceOf(PredictorMemoryError);
        expect(failure!.message).toMatch(/^the engine does not have enough memory for this network: ./);
        const { tensors } = await predictor.predict(job());
        expect(tensors).toEqual(before.tensors);
      }
      expect(predictor.pid).toBe(pid);
      expect(problems).toEqual([]);
    },
  );
});

describe('an engine that reaches its heap’s limit', () => {
  it('ends, which loses the job, and is started again', async () => {
    process.execArgv.push('--max-old-space-size=64');
    onTestFinished(() => {
      process.execArgv.pop();
    });
    const { predictor, problems } = await startedPredictor();
    const tiny = job();
    const [node] = tiny.architecture.nodes;
    const endless = { ...tiny.architecture, nodes: Array.from({ length: 1e6 }, () => node) };
    await expect(predictor.predict({ ...tiny, architecture: endless })).rejects.toThrow(
      PredictorUnavailableError,
    );
    expect(problems).toEqual([expect.stringMatching(/^the engine's process ended \(SIG/)]);
    await expect.poll(() => predictor.ready).toBe(true);
    expect((await predictor.predict(tiny)).tensors).toHaveLength(5);
  });
});
