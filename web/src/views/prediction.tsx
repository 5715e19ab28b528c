import { useEffect, useState } from 'preact/hooks';
import {
  dataOf,
  type PredictionEvent,
  type PredictionRecord,
  type Stage,
  type Statistics,
} from '../../../clients/typescript/src/index.js';
import { bytes, count, date, duration, shortCount, value } from '../app/format.js';
import { href, navigate } from '../app/router.js';
import { client, keyVersion, noteError, SERVICE_URL, useLoaded } from '../app/service.js';
import { GraphView } from '../graph/graph-view.js';
import { CodeSamples } from '../parts/code-samples.js';
import { LatencyBar } from '../parts/latency-bar.js';
import { ErrorBox, LoadState, StatusChip } from '../parts/status.js';
import { fetchSamples } from './samples.js';
import { TensorTable } from './tensor-table.js';

/** Loads the statistics of the weights. The first request takes a moment for large networks. */
export const loadStatistics =
  (id: string) =>
  (signal: AbortSignal): Promise<Statistics> =>
    dataOf(client.api.GET('/predictions/{id}/statistics', { params: { path: { id } }, signal }));

const loadGraph = (id: string) => (signal: AbortSignal) =>
  dataOf(client.api.GET('/predictions/{id}/architecture', { params: { path: { id } }, signal }));

/** The view of one prediction: its progress, its network, its tensors. */
export function PredictionView({ id }: { id: string }) {
  const { record, stage, error } = useLiveRecord(id);
  if (error !== null) return <ErrorBox error={error} />;
  if (!record) {
    return (
      <div class="loading" style={{ minHeight: '300px' }} role="status">
        Loading …
      </div>
    );
  }
  const isOpen = record.status === 'queued' || record.status === 'running';
  return (
    <>
      <Head record={record} stage={stage} isOpen={isOpen} />
      <Network id={id} />
      {record.status === 'succeeded' && <Weights record={record} />}
    </>
  );
}

/** Follows a prediction's events until it has ended. */
function useLiveRecord(id: string) {
  const [record, setRecord] = useState<PredictionRecord | null>(null);
  const [stage, setStage] = useState<Stage | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    const controller = new AbortController();
    setError(null);
    const onEvent = (event: PredictionEvent) => {
      if (controller.signal.aborted) return;
      if (event.type === 'stage') setStage(event.stage);
      else setRecord(event.record);
    };
    client
      .wait(id, { signal: controller.signal, onEvent })
      // Statistics and digest are added to the record a moment later.
      .then(() =>
        dataOf(client.api.GET('/predictions/{id}', { params: { path: { id } }, signal: controller.signal })),
      )
      .then(setRecord, (fault: unknown) => {
        if (controller.signal.aborted) return;
        noteError(fault);
        setError(fault);
      });
    return () => controller.abort();
  }, [id, keyVersion.value]);
  return { record, stage, error };
}

function Head({ record, stage, isOpen }: { record: PredictionRecord; stage: Stage | null; isOpen: boolean }) {
  const { id, architecture, request, ghn, statistics } = record;
  const [error, setError] = useState<unknown>(null);
  const remove = async () => {
    if (
      !isOpen &&
      !confirm(`Delete the prediction of ${architecture.name}? Its weights can be predicted again.`)
    )
      return;
    try {
      await dataOf(client.api.DELETE('/predictions/{id}', { params: { path: { id } } }));
      if (!isOpen) navigate(href(['predictions']));
    } catch (fault) {
      noteError(fault);
      setError(fault);
    }
  };
  const facts: [string, string][] = [
    ['Parameters', count(architecture.parameters)],
    ['Tensors', count(architecture.tensors)],
    ['Hypernetwork', ghn.id],
    ['Engine', `${record.engine} on ${record.device}`],
    ['Made', date(record.created_at)],
    ...(record.bytes === null
      ? []
      : [['Size', `${bytes(record.bytes)} as ${request.format}, ${request.dtype}`] as [string, string]]),
    ...(statistics ? [['Standard deviation', value(statistics.std)] as [string, string]] : []),
    [
      'Post-processing',
      request.postprocess
        ? `noise ${request.postprocess.noise}${request.postprocess.orthogonalize ? ', orthogonalised' : ''}`
        : 'none',
    ],
  ];
  return (
    <section>
      <div class="row">
        <h1>{architecture.name}</h1>
        <StatusChip status={record.status} />
        <span class="push" />
        {record.status === 'succeeded' && (
          <a class="button" href={href(['compare'], { a: id })}>
            Compare
          </a>
        )}
        <button type="button" class="danger" onClick={remove}>
          {isOpen ? 'Cancel' : 'Delete'}
        </button>
      </div>
      {error !== null && <ErrorBox error={error} />}
      {record.error && <p class="error">{record.error.detail ?? record.error.title}</p>}
      {isOpen && (
        <Stages stage={stage} status={record.status} isPostprocessed={request.postprocess !== null} />
      )}
      <dl class="facts">
        {facts.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {!isOpen && record.latency_ms && (
        <>
          <h2 class="small">Made in {duration(record.latency_ms.total)}</h2>
          <LatencyBar latency={record.latency_ms} isNamed />
        </>
      )}
      {record.warnings.map(({ code, message }) => (
        <p key={code} class="warning">
          {message}
        </p>
      ))}
      {architecture.left_out.length > 0 && (
        <details open>
          <summary>
            {count(architecture.left_out.length)} layers were left out and keep their initial values
          </summary>
          <ul class="muted">
            {architecture.left_out.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </details>
      )}
      {architecture.not_predicted.length > 0 && (
        <details>
          <summary>
            {count(architecture.not_predicted.length)} tensors are not predicted and keep their initial values
          </summary>
          <p class="muted">{architecture.not_predicted.join(', ')}</p>
        </details>
      )}
    </section>
  );
}

const STAGES: readonly Stage[] = ['graph', 'encode', 'decode', 'postprocess'];

function Stages({
  stage,
  status,
  isPostprocessed,
}: {
  stage: Stage | null;
  status: string;
  isPostprocessed: boolean;
}) {
  const stages = STAGES.filter((name) => name !== 'postprocess' || isPostprocessed);
  const at = stage === null ? -1 : stages.indexOf(stage);
  return (
    <ol class="stages" aria-label="Stages" aria-live="polite">
      <li class={status === 'queued' ? 'now' : 'done'}>queued</li>
      {stages.map((name, k) => (
        <li
          key={name}
          class={k < at ? 'done' : k === at ? 'now' : ''}
          aria-current={k === at ? 'step' : undefined}
        >
          {name}
        </li>
      ))}
    </ol>
  );
}

function Network({ id }: { id: string }) {
  const graph = useLoaded(loadGraph(id), [id]);
  return (
    <LoadState loaded={graph} height={560}>
      {(data) => <GraphView id={id} graph={data} />}
    </LoadState>
  );
}

function Weights({ record: { id, architecture } }: { record: PredictionRecord }) {
  const statistics = useLoaded(loadStatistics(id), [id]);
  return (
    <>
      <section aria-labelledby="tensors-title">
        <div class="row">
          <h2 id="tensors-title">Tensors</h2>
          <span class="muted">{shortCount(architecture.tensors)}</span>
        </div>
        <LoadState loaded={statistics} height={400}>
          {({ tensors }) => <TensorTable id={id} tensors={tensors} />}
        </LoadState>
      </section>
      <CodeSamples label="Use the weights" samples={fetchSamples(SERVICE_URL, id, architecture.name)} />
    </>
  );
}
