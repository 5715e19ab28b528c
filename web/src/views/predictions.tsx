import { useState } from 'preact/hooks';
import { dataOf, type PredictionRecord } from '../../../clients/typescript/src/index.js';
import { bytes, date, duration, shortCount } from '../app/format.js';
import { href, navigate, predictionHref } from '../app/router.js';
import { client, noteError, useLoaded } from '../app/service.js';
import { LatencyBar } from '../parts/latency-bar.js';
import { Scroll } from '../parts/scroll.js';
import { ErrorBox, LoadState, StatusChip } from '../parts/status.js';

const PAGE_SIZE = 25;
const STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
type Status = (typeof STATUSES)[number];

/** The list of the service's predictions, newest first. */
export function PredictionsView({ query }: { query: URLSearchParams }) {
  const filters = {
    architecture: query.get('architecture') || undefined,
    ghn: query.get('ghn') || undefined,
    status: (query.get('status') as Status | null) || undefined,
  };
  const cursor = query.get('cursor') ?? undefined;
  const page = useLoaded(
    (signal) =>
      dataOf(
        client.api.GET('/predictions', {
          params: { query: { limit: PAGE_SIZE, cursor, ...filters } },
          signal,
        }),
      ),
    [cursor, filters.architecture, filters.ghn, filters.status],
  );
  const ghns = useLoaded((signal) => dataOf(client.api.GET('/ghns', { signal })), []);
  const filter = (change: Record<string, string>) =>
    navigate(href(['predictions'], { ...filters, ...change }));
  return (
    <section>
      <h1>Predictions</h1>
      <form
        class="row filters-form"
        onSubmit={(event) => {
          event.preventDefault();
          filter({ architecture: String(new FormData(event.currentTarget).get('architecture')).trim() });
        }}
      >
        <label class="field">
          <span>Architecture</span>
          <input
            name="architecture"
            type="search"
            defaultValue={filters.architecture}
            placeholder="resnet50"
          />
        </label>
        <label class="field">
          <span>Hypernetwork</span>
          <select value={filters.ghn ?? ''} onChange={(event) => filter({ ghn: event.currentTarget.value })}>
            <option value="">all</option>
            {ghns.data?.ghns.map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>Status</span>
          <select
            value={filters.status ?? ''}
            onChange={(event) => filter({ status: event.currentTarget.value })}
          >
            <option value="">all</option>
            {STATUSES.map((status) => (
              <option key={status}>{status}</option>
            ))}
          </select>
        </label>
        <button type="submit">Filter</button>
      </form>
      <LoadState loaded={page} height={500}>
        {({ predictions, next_cursor }) => (
          <>
            {predictions.length === 0 ? (
              <p class="empty">
                {Object.values(filters).some(Boolean)
                  ? 'No prediction matches. '
                  : 'There are no predictions yet. '}
                <a href={href([])}>Predict a network</a>.
              </p>
            ) : (
              <Table records={predictions} onDeleted={page.reload} />
            )}
            <nav class="row" aria-label="Pages">
              {cursor && (
                <a class="button" href={href(['predictions'], filters)}>
                  Newest
                </a>
              )}
              {next_cursor && (
                <a class="button push" href={href(['predictions'], { ...filters, cursor: next_cursor })}>
                  Older
                </a>
              )}
            </nav>
          </>
        )}
      </LoadState>
    </section>
  );
}

function Table({ records, onDeleted }: { records: readonly PredictionRecord[]; onDeleted: () => void }) {
  const [error, setError] = useState<unknown>(null);
  const remove = async ({ id, architecture }: PredictionRecord) => {
    if (!confirm(`Delete the prediction of ${architecture.name}? Its weights can be predicted again.`))
      return;
    try {
      await dataOf(client.api.DELETE('/predictions/{id}', { params: { path: { id } } }));
      onDeleted();
    } catch (fault) {
      noteError(fault);
      setError(fault);
    }
  };
  return (
    <>
      {error !== null && <ErrorBox error={error} />}
      <Scroll label="Predictions, newest first">
        <table>
          <thead>
            <tr>
              <th scope="col">Network</th>
              <th scope="col">Status</th>
              <th scope="col">Hypernetwork</th>
              <th scope="col" class="number">
                Parameters
              </th>
              <th scope="col" class="number">
                Size
              </th>
              <th scope="col">Made</th>
              <th scope="col">Latency</th>
              <th scope="col">
                <span class="visually-hidden">Delete</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {records.map((record) => (
              <tr key={record.id}>
                <th scope="row">
                  <a href={predictionHref(record.id)}>{record.architecture.name}</a>
                  {record.request.postprocess && <small class="muted"> post-processed</small>}
                </th>
                <td>
                  <StatusChip status={record.status} />
                </td>
                <td>{record.ghn.id}</td>
                <td class="number">{shortCount(record.architecture.parameters)}</td>
                <td class="number nowrap">{record.bytes === null ? '' : bytes(record.bytes)}</td>
                <td class="nowrap">{date(record.created_at)}</td>
                <td class="wide">
                  {record.latency_ms && record.status === 'succeeded' && (
                    <>
                      <LatencyBar latency={record.latency_ms} />
                      <small class="muted">{duration(record.latency_ms.total)}</small>
                    </>
                  )}
                </td>
                <td>
                  <button
                    type="button"
                    class="quiet"
                    aria-label={`Delete the prediction of ${record.architecture.name}`}
                    onClick={() => remove(record)}
                  >
                    Delete
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}
