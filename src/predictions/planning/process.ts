import type { Graph } from '../../architecture/schema.js';
import { connectToService } from '../../process/parent.js';
import { planAgain } from '../remake.js';
import { buildModel } from '../tfjs-model.js';
import { type FromPlanner, sentError, type ToPlanner } from './protocol.js';
import { sentPlan } from './sent-plan.js';

// The process that plans large predictions again, and writes their Keras models for TensorFlow.js.

const channel = connectToService<ToPlanner, FromPlanner>((task, _arrays, given) => {
  const texts: Uint8Array[] = [];
  let answer: FromPlanner;
  try {
    answer = done(task, given.map(value), texts);
  } catch (error) {
    answer = sentError(error as Error);
  }
  void channel.send(answer, [], texts);
});

const value = ({ buffer, byteOffset, byteLength }: Uint8Array): unknown =>
  JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString());

function done(task: ToPlanner, [first, second]: readonly unknown[], texts: Uint8Array[]): FromPlanner {
  const { record } = task;
  if (task.type === 'again') {
    const remains = { record, architecture: first as Graph, kerasModel: second };
    return { type: 'plan', plan: sentPlan(planAgain(remains, task.description), texts) };
  }
  const built = buildModel(first, record);
  if ('reason' in built) return { type: 'model', model: built };
  const { modelJson, ...model } = built;
  texts.push(modelJson);
  return { type: 'model', model };
}
