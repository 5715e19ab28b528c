import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseArchitecture } from '../../src/architecture/parse.js';
import { PredictorUnavailableError } from '../../src/predictor/executor.js';
import { Predictor, PredictorRefusedError } from '../../src/predictor/predictor.js';
import type { PredictionJob, PredictorOptions, Stage } from '../../src/predictor/protocol.js';
import { Liveness } from '../../src/process/liveness.js';
import { LIMITS, tinyGraph } from '../architecture/fixtures.js';
import { keyOf } from '../helpers/ghn.js';
import { checkpointFile } from '../helpers/service.js';

const THREE = await keyOf('ghn3-nano.pt');
const TWO = await keyOf('ghn2-nano.pt');

const OPTIONS: PredictorOptions = {
  engine: { engine: 'onnxruntime', device: 'cpu' },
  checkpoints: [
    { id: 'three', path: checkpointFile('ghn3-nano.pt') },
    { id: 'two', path: checkpointFile('ghn2-nano.pt') },
  ],
};

const job = (fields: Partial<PredictionJob> = {}): PredictionJob => ({
  ghn: THREE,
  architecture: parseArchitecture(tinyGraph(), LIMITS),
  predictClassifier: true,
  seed: 0,
  dtype: 'F32',
  postprocess: null,
  ...fields,
});

const predictors: Predictor[] = [];
afterEach(async () => {
  await Promise.all(predictors.splice(0).map((predictor) => predictor.close()));
});

/** Returns a predictor and the messages that it reports. */
function predictorOf(options = OPTIONS) {
  const problems: string[] = [];
  const predictor = new Predictor(options, { onProblem: (message) => problems.push(message) });
  predictors.push(predictor);
  return { predictor, problems };
}

async function startedPredictor() {
  const created = predictorOf();
  created.predictor.start();
  await created.predictor.started;
  return created;
}

/** Returns true if there is a process with this id. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a predictor', () => {
  let shared: Predictor;
  beforeAll(async () => {
    shared = new Predictor(OPTIONS);
    expect(shared.ready).toBe(false);
    expect(shared.description).toBeNull();
    shared.start();
    await shared.started;
  });
  afterAll(() => shared.close());

  it('describes its GHNs, and its engine', async () => {
    const { engine, ghns } = await shared.started;
    expect(engine).toEqual({
      name: 'onnxruntime',
      device: 'cpu',
      limits: { scoresAtOnce: 2 ** 20, headsAtOnce: null },
      reason: expect.stringMatching(/^ENGINE=\w+ DEVICE=\w+/),
      card: null,
      version: expect.stringMatching(/^\d+\.\d+/),
    });
    expect(ghns.map(({ id, config }) => [id, config.family])).toEqual([
      ['three', 'ghn3'],
      ['two', 'ghn2'],
    ]);
    expect(shared.ready).toBe(true);
    expect(shared.description).toEqual({ engine, products: expect.stringMatching(/^onnxruntime \d/), ghns });
  });

  it('predicts with either GHN, and reports each stage and the statistics', async () => {
    const stages: Stage[] = [];
    const postprocess = { noise: 0, orthogonalize: true, fromLayer: 0, minChannels: 0, seed: 0 };
    const { tensors, latency, applied, statistics } = await shared.predict(job({ postprocess }), {
      onStage: (stage) => stages.push(stage),
    });
    expect(stages).toEqual(['graph', 'encode', 'decode', 'postprocess']);
    expect(tensors.map(({ name }) => name)).toEqual([
      'conv1.weight',
      'bn1.weight',
      'bn1.bias',
      'fc.weight',
      'fc.bias',
    ]);
    expect(applied).toEqual([{ name: 'conv1.weight', noise: 0, orthogonalized: true }]);
    expect(Object.keys(latency)).toEqual(['graph', 'encode', 'decode', 'postprocess']);
    expect(await statistics).toMatchObject({ network: { count: 634 }, overflow: 0 });
    const other = await shared.predict(job({ ghn: TWO }));
    expect(other.applied).toBeNull();
    expect(other.tensors[0].block).not.toEqual(tensors[0].block);
    expect(shared.memory).toBeGreaterThan(0);
  });

  it('rejects a job that fails, with its reason, and continues', async () => {
    const replaced = shared.predict(job({ ghn: 'sha256:other {}' }));
    await expect(replaced).rejects.toThrow(PredictorUnavailableError);
    await expect(replaced).rejects.toThrow('its checkpoint was replaced');
    expect((await shared.predict(job())).tensors).toHaveLength(5);
  });

  it('reports that a checkpoint was replaced, and makes nothing with the new one for jobs planned with the old', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ghn-serve-test-'));
    try {
      const path = join(folder, 'ghn.pt');
      await copyFile(checkpointFile('ghn3-nano.pt'), path);
      const { predictor, problems } = predictorOf({ ...OPTIONS, checkpoints: [{ id: 'mine', path }] });
      predictor.start();
      const [before] = (await predictor.started).ghns;
      const made = await predictor.predict(job());
      await copyFile(checkpointFile('ghn2-nano.pt'), path);
      process.kill(predictor.pid!, 'SIGKILL');
      await expect.poll(() => predictor.restarts).toBe(1);
      await expect.poll(() => predictor.ready).toBe(true);
      const [after] = predictor.description!.ghns;
      expect(after).toMatchObject({ id: 'mine', config: { family: 'ghn2' } });
      expect(problems.at(-1)).toBe(
        `the checkpoint of mine was replaced: it was ${before.digest}, and new predictions are made with ${after.digest}`,
      );
      await expect(predictor.predict(job())).rejects.toThrow('its checkpoint was replaced');
      expect((await predictor.predict(job({ ghn: TWO }))).tensors).not.toEqual(made.tensors);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('takes no job before it is started', async () => {
    const { predictor } = predictorOf();
    await expect(predictor.predict(job())).rejects.toThrow(PredictorUnavailableError);
  });

  it('is started again when its process dies, which loses only the running jobs', async () => {
    const { predictor, problems } = await startedPredictor();
    const before = (await predictor.predict(job())).tensors;
    for (const restarts of [1, 2]) {
      const pid = predictor.pid!;
      process.kill(pid, 'SIGSTOP');
      const lost = predictor.predict(job());
      process.kill(pid, 'SIGKILL');
      await expect(lost).rejects.toThrow(PredictorUnavailableError);
      await expect.poll(() => predictor.ready).toBe(true);
      expect(predictor.restarts).toBe(restarts);
      expect(predictor.pid).not.toBe(pid);
      expect((await predictor.predict(job())).tensors).toEqual(before);
    }
    expect(problems).toEqual(Array(2).fill("the engine's process ended (SIGKILL)"));
  });

  it('is replaced when it hangs, also while it starts, and is not expected to be ready soon meanwhile', async () => {
    const problems: string[] = [];
    const liveness = new Liveness({ firstSilence: 120, silence: 4, start: 60 });
    const predictor = new Predictor(OPTIONS, { onProblem: (message) => problems.push(message) }, liveness);
    predictors.push(predictor);
    predictor.start();
    await predictor.started;
    const before = (await predictor.predict(job())).tensors;
    const idle = predictor.pid!;
    process.kill(idle, 'SIGSTOP');
    await expect.poll(() => predictor.pid, { timeout: 60_000 }).not.toBe(idle);
    await expect.poll(() => predictor.pid).not.toBeNull();
    const starting = predictor.pid!;
    process.kill(starting, 'SIGSTOP');
    await expect.poll(() => predictor.pid, { timeout: 60_000 }).not.toBe(starting);
    expect(predictor.readySoon).toBe(false);
    await expect.poll(() => predictor.ready, { timeout: 60_000 }).toBe(true);
    expect(predictor.readySoon).toBe(true);
    expect((await predictor.predict(job())).tensors).toEqual(before);
    expect(problems[0]).toMatch(/^the engine's process has given no sign of life in \d+ s: it is ended$/);
  }, 200_000);

  it('gives up a cancelled job, and takes the next', async () => {
    const pid = shared.pid!;
    process.kill(pid, 'SIGSTOP');
    const controller = new AbortController();
    const unwanted = shared.predict(job(), { signal: controller.signal });
    controller.abort(new Error('not wanted any more'));
    process.kill(pid, 'SIGCONT');
    await expect(unwanted).rejects.toThrow('not wanted any more');
    expect((await shared.predict(job())).tensors).toHaveLength(5);
    expect(shared.pid).toBe(pid);
  });

  it('gives up a job that was finished before its process received the cancellation', async () => {
    const controller = new AbortController();
    const unwanted = shared.predict(job(), { signal: controller.signal });
    await setImmediate();
    // The process receives the job and computes it, while none of its messages are read here.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    controller.abort(new Error('not wanted any more'));
    await expect(unwanted).rejects.toThrow('not wanted any more');
  });

  it('does not begin a cancelled job', async () => {
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(shared.predict(job(), { signal })).rejects.toThrow('too late');
  });

  it('refuses to start with files that are not GHNs, and names them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ghn-serve-test-'));
    try {
      const broken = join(folder, 'broken.pt');
      await writeFile(broken, 'no checkpoint at all');
      for (const [path, reason] of [
        [broken, /broken\.pt: is text, "no checkpoint at all"; expected a torch\.save/],
        [join(folder, 'missing.pt'), /missing\.pt: cannot be read: ENOENT/],
      ] as const) {
        const { predictor, problems } = predictorOf({ ...OPTIONS, checkpoints: [{ id: 'a', path }] });
        predictor.start();
        await expect(predictor.started).rejects.toThrow(PredictorRefusedError);
        await expect(predictor.started).rejects.toThrow(reason);
        await expect.poll(() => predictor.pid).toBeNull();
        expect(problems[0]).toMatch(reason);
        expect(predictor.restarts).toBe(0);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('leaves no process behind when it is closed', async () => {
    const { predictor } = await startedPredictor();
    const pid = predictor.pid!;
    const running = predictor.predict(job()).catch((error: Error) => error);
    await predictor.close();
    expect(isAlive(pid)).toBe(false);
    expect(predictor.restarts).toBe(0);
    await running;
  });
});
