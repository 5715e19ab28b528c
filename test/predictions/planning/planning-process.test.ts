import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import type { Graph } from '../../../src/architecture/schema.js';
import { ArchitectureText, keptOf } from '../../../src/architecture/text.js';
import { JsonText } from '../../../src/json-text.js';
import { NotFoundError } from '../../../src/predictions/errors.js';
import type { Plan } from '../../../src/predictions/plan.js';
import { planRequest } from '../../../src/predictions/plan-request.js';
import { planHere } from '../../../src/predictions/planning/planner.js';
import { PlanningProcess } from '../../../src/predictions/planning/planning-process.js';
import { readPredictRequest } from '../../../src/predictions/request.js';
import { PredictorUnavailableError } from '../../../src/predictor/executor.js';
import type { PredictionRemains } from '../../../src/store/store.js';
import { LIMITS, tinyGraph } from '../../architecture/fixtures.js';
import { kerasFixture } from '../../helpers/keras.js';
import { FakeExecutor } from '../../predictor/fake-executor.js';

const DESCRIPTION = new FakeExecutor().description!;

let planner: PlanningProcess;
afterEach(() => planner?.close());

function start(options: Partial<ConstructorParameters<typeof PlanningProcess>[0]> = {}): void {
  planner = new PlanningProcess({ heapMegabytes: 160, timeoutMilliseconds: 60_000, ...options });
}

const planOf = (architecture: unknown): Plan =>
  planRequest(readPredictRequest({ architecture }, LIMITS), LIMITS, DESCRIPTION);

/** Returns the stored parts of a plan as texts, which is the form of large ones. */
function textsOf({ record, work }: Plan): PredictionRemains {
  const { architecture, kerasModel } = keptOf(work.architecture);
  return {
    record,
    architecture: JsonText.of(architecture),
    kerasModel: kerasModel === undefined ? undefined : JsonText.of(kerasModel),
  };
}

/** A plan's texts and all else, less how long it took. */
function contents({ record, work: { architecture, ...work } }: Plan) {
  const { form, graph, keras } =
    architecture instanceof ArchitectureText ? architecture : ArchitectureText.of(architecture);
  const texts = [form, graph, keras].map((text) => text?.bytes.toString());
  return { record: { ...record, latency_ms: null }, work, texts };
}

function children(): number[] {
  const lines = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' });
  return lines
    .split('\n')
    .filter((line) => line.includes('planning/process'))
    .map((line) => Number.parseInt(line, 10));
}

const KERAS = { keras: kerasFixture('resnet.keras3').model };

describe('an architecture in the form of a text', () => {
  it.each([
    ['a graph', tinyGraph()],
    ['a Keras model', KERAS],
  ])('is planned in a separate process with the same result as here: %s', async (_, architecture) => {
    start();
    const plan = planOf(architecture);
    const remains = textsOf(plan);
    expect(children()).toEqual([]);
    const again = await planner.again(remains, DESCRIPTION);
    expect(children()).toHaveLength(1);
    expect(again.work.architecture).toBeInstanceOf(ArchitectureText);
    expect(contents(again)).toEqual(contents(await planHere.again(remains, DESCRIPTION)));
    expect(again.record.id).toBe(plan.record.id);
  });

  it('is converted for TensorFlow.js there with the same result as here', async () => {
    start();
    const { record } = planOf(KERAS);
    const text = JsonText.of(KERAS.keras);
    const built = await planner.model(text, record);
    const here = await planHere.model(KERAS.keras, record);
    if ('reason' in built || 'reason' in here) throw new Error('TensorFlow.js runs this model');
    expect(built.weights).toEqual(here.weights);
    expect(Buffer.from(built.modelJson).toString()).toBe(Buffer.from(here.modelJson).toString());
    expect(built.digest).toBe(here.digest);
  });

  it('is not planned for clients other than its own', async () => {
    start();
    const description = { ...DESCRIPTION, ghns: [] };
    await expect(planner.again(textsOf(planOf(tinyGraph())), description)).rejects.toThrow(NotFoundError);
  });

  it('is refused with another try if the process is killed, and is planned then', async () => {
    start();
    const remains = textsOf(planOf(tinyGraph()));
    await planner.again(remains, DESCRIPTION);
    const [pid] = children();
    process.kill(pid!, 'SIGSTOP');
    const stopped = planner.again(remains, DESCRIPTION);
    process.kill(pid!, 'SIGKILL');
    await expect(stopped).rejects.toThrow(PredictorUnavailableError);
    expect((await planner.again(remains, DESCRIPTION)).record.id).toBe(remains.record.id);
  });

  it('ends only its own planning if it uses up all memory', async () => {
    start({ heapMegabytes: 60 });
    const remains = textsOf(planOf(tinyGraph()));
    const huge = { ...remains, architecture: new JsonText(Buffer.from(`[${'0.5,'.repeat(8e6)}0]`)) };
    await expect(planner.again(huge, DESCRIPTION)).rejects.toThrow(PredictorUnavailableError);
    expect((await planner.again(remains, DESCRIPTION)).record.id).toBe(remains.record.id);
  });
});

describe('a small architecture', () => {
  it('is planned here', async () => {
    start();
    const plan = planOf(tinyGraph());
    const remains = { record: plan.record, architecture: tinyGraph() as Graph };
    expect((await planner.again(remains, DESCRIPTION)).record.id).toBe(plan.record.id);
    expect(children()).toEqual([]);
  });
});
