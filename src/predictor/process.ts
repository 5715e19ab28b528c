import type { Architecture } from '../architecture/architecture.js';
import { isOutOfMemory, isTrap } from '../engine/out-of-memory.js';
import { ALIVE_INTERVAL_MS } from '../process/liveness.js';
import { connectToService } from '../process/parent.js';
import { GhnNotLoadedError, Pipeline } from './pipeline.js';
import type { FailureCause, FromProcess, PredictionJob, ToProcess } from './protocol.js';

// Entry point of the predictor's process. An engine blocks its thread while it computes, and may crash its process. In
// a separate process, it does neither to the service.

/** The engine is in an unknown state. */
const EXIT_CODE_BROKEN = 3;

const running = new Map<number, AbortController>();
let pipeline: Pipeline | null = null;

const channel = connectToService<ToProcess, FromProcess>((message, _arrays, texts) => {
  void handle(message, texts);
});

setInterval(() => {
  void channel.send({ type: 'alive' });
}, ALIVE_INTERVAL_MS).unref();

async function handle(message: ToProcess, [text]: readonly Uint8Array[]): Promise<void> {
  switch (message.type) {
    case 'load':
      try {
        pipeline = await Pipeline.load(message.options, (notice) => {
          void channel.send({ type: 'notice', message: notice });
        });
        await channel.send({ type: 'ready', description: pipeline.description });
      } catch (error) {
        await channel.send({ type: 'refused', reason: reasonOf(error) });
        process.exit(1);
      }
      return;
    case 'cancel':
      running.get(message.job)?.abort(new Error('cancelled'));
      return;
    case 'predict':
      return predict(message.job, jobOf(message.request, text));
  }
}

function jobOf(
  request: Extract<ToProcess, { type: 'predict' }>['request'],
  text: Uint8Array | undefined,
): PredictionJob {
  const architecture = request.architecture ?? (JSON.parse(Buffer.from(text!).toString()) as Architecture);
  return { ...request, architecture };
}

async function predict(job: number, request: PredictionJob): Promise<void> {
  const controller = new AbortController();
  running.set(job, controller);
  try {
    if (!pipeline) throw new Error('nothing is loaded yet');
    const network = await pipeline.predict(request, controller.signal, (stage) => {
      void channel.send({ type: 'stage', job, stage });
    });
    const headers = network.tensors.map(({ name, shape, blockShape }) => ({ name, shape, blockShape }));
    await channel.send(
      { type: 'predicted', job, network: { ...network, tensors: headers }, memory: pipeline.memory() },
      network.tensors.map(({ block }) => block),
    );
    const statistics = await pipeline.statistics(network.tensors, request.dtype);
    await channel.send({ type: 'statistics', job, statistics });
  } catch (error) {
    await channel.send({ type: 'failed', job, reason: reasonOf(error), cause: causeOf(error) });
    // The service starts another process, whose memory is intact.
    if (isTrap(error)) process.exit(EXIT_CODE_BROKEN);
  } finally {
    running.delete(job);
  }
}

function causeOf(error: unknown): FailureCause {
  if (error instanceof GhnNotLoadedError) return 'ghn';
  return isOutOfMemory(error) ? 'memory' : 'job';
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
