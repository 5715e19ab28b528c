import { useEffect, useMemo, useState } from 'preact/hooks';
import { dataOf, type Ghn } from '../../../clients/typescript/src/index.js';
import { bytes, count, duration, shape, shortCount } from '../app/format.js';
import { meanBetween, readMetrics, type Sample, total } from '../app/metrics.js';
import { client, explain, keyVersion, noteError, useLoaded } from '../app/service.js';
import { Lines } from '../charts/lines.js';
import { Scroll } from '../parts/scroll.js';
import { LoadState } from '../parts/status.js';

const INTERVAL_MS = 2000;
/** Number of points in ten minutes. */
const MAX_POINTS = 300;

interface Point {
  readonly seconds: number;
  readonly samples: readonly Sample[];
}

/** The view of the loaded GHNs and the service's state. */
export function SystemView() {
  const loaded = useLoaded((signal) => dataOf(client.api.GET('/ghns', { signal })), []);
  const { points, error } = useMetrics();
  const latest = points[points.length - 1]?.samples ?? [];
  const tiles: [string, string, string][] = [
    ['Waiting', 'ghn_serve_queue_depth', 'count'],
    ['Store', 'ghn_serve_store_bytes', 'bytes'],
    ['Engine memory', 'ghn_serve_engine_memory_bytes', 'bytes'],
    ['Service memory', 'process_resident_memory_bytes', 'bytes'],
    ['Engine restarts', 'ghn_serve_engine_restarts', 'count'],
  ];
  return (
    <section>
      <h1>System</h1>
      {error !== null && (
        <p class="error" role="alert">
          {explain(error)} It is asked again every {INTERVAL_MS / 1000} s.
        </p>
      )}
      <LoadState loaded={loaded} height={200}>
        {({ ghns, engine, device }) => (
          <>
            <p class="lead">
              Engine {engine} on {device}
            </p>
            <GhnTable ghns={ghns} />
          </>
        )}
      </LoadState>
      <h2>Now</h2>
      <dl class="facts">
        {tiles.map(([name, metric, unit]) => {
          const number = total(latest, metric);
          return (
            <div key={metric}>
              <dt>{name}</dt>
              <dd>{number === null ? '–' : unit === 'bytes' ? bytes(number) : count(number)}</dd>
            </div>
          );
        })}
      </dl>
      <Latencies points={points} />
    </section>
  );
}

function useMetrics() {
  const [points, setPoints] = useState<readonly Point[]>([]);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    const controller = new AbortController();
    let timer = 0;
    const look = async () => {
      try {
        const response = await client.request('/metrics', { signal: controller.signal });
        const samples = readMetrics(await response.text());
        setPoints((before) => [...before, { seconds: Date.now() / 1000, samples }].slice(-MAX_POINTS));
        setError(null);
      } catch (fault) {
        if (controller.signal.aborted) return;
        noteError(fault);
        setError(fault);
      }
      timer = window.setTimeout(look, INTERVAL_MS);
    };
    void look();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [keyVersion.value]);
  return { points, error };
}

function GhnTable({ ghns }: { ghns: readonly Ghn[] }) {
  return (
    <Scroll label="Loaded hypernetworks">
      <table>
        <thead>
          <tr>
            <th scope="col">Hypernetwork</th>
            <th scope="col">Family</th>
            <th scope="col" class="number">
              Parameters
            </th>
            <th scope="col" class="number">
              Hidden
            </th>
            <th scope="col" class="number">
              Layers
            </th>
            <th scope="col">Largest block</th>
            <th scope="col" class="number">
              Classes
            </th>
            <th scope="col">Digest</th>
          </tr>
        </thead>
        <tbody>
          {ghns.map((ghn) => (
            <tr key={ghn.id}>
              <th scope="row">
                {ghn.id} {ghn.default && <small class="muted">default</small>}
              </th>
              <td>{ghn.family}</td>
              <td class="number">{shortCount(ghn.parameters)}</td>
              <td class="number">{ghn.hidden}</td>
              <td class="number">{ghn.layers}</td>
              <td class="nowrap">{shape(ghn.max_shape)}</td>
              <td class="number">{ghn.num_classes}</td>
              <td>
                <code title={ghn.digest}>{ghn.digest.slice(0, 19)}…</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const DURATION = 'ghn_serve_request_duration_seconds';

function Latencies({ points }: { points: readonly Point[] }) {
  const { x, series, isEmpty } = useMemo(() => {
    const between = (labels: Record<string, string>) =>
      points.slice(1).map(({ samples }, k) => {
        const mean = meanBetween(points[k].samples, samples, DURATION, labels);
        return mean === null ? null : mean * 1000;
      });
    const predict = between({ route: '/predict' });
    const weights = between({ route: '/predictions/:id/weights' });
    return {
      x: points.slice(1).map(({ seconds }) => seconds),
      isEmpty: [...predict, ...weights].every((value) => value === null),
      series: [
        { name: 'POST /predict', colour: 'series-a', values: predict, hasPoints: true },
        { name: 'GET weights', colour: 'series-b', values: weights, hasPoints: true },
      ],
    };
  }, [points]);
  return (
    <figure>
      <figcaption>
        Latency while this page is open <small class="muted">mean of each {INTERVAL_MS / 1000} s</small>
      </figcaption>
      {isEmpty ? (
        <p class="empty" style={{ minHeight: '254px' }}>
          No weights have been requested since the page was opened.
        </p>
      ) : (
        <Lines
          x={x}
          series={series}
          isTime
          label="Mean latency of predictions and downloads over time"
          xName={(index) => new Date(x[index] * 1000).toLocaleTimeString()}
          yName={duration}
        />
      )}
    </figure>
  );
}
