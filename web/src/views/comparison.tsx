import { useEffect, useMemo, useState } from 'preact/hooks';
import {
  dataOf,
  type PredictionRecord,
  type PredictRequest,
  type Statistics,
  type TensorStatistics,
} from '../../../clients/typescript/src/index.js';
import { count, shape, shortId, value } from '../app/format.js';
import { href, navigate, replace } from '../app/router.js';
import { client, noteError, useLoaded } from '../app/service.js';
import { Filters } from '../charts/filters.js';
import { HeatMap } from '../charts/heat-map.js';
import { Histogram } from '../charts/histogram.js';
import { Lines } from '../charts/lines.js';
import { rowAnalysis } from '../numeric/row-analysis.js';
import { asMatrix, fetchWindow } from '../numeric/tensor-window.js';
import { Scroll } from '../parts/scroll.js';
import { ErrorBox, LoadState } from '../parts/status.js';
import { Tabs } from '../parts/tabs.js';
import { diversity } from './diversity.js';
import { loadStatistics } from './prediction.js';
import { firstColumns, mapLimit, Spectrum } from './tensor.js';

const MAX_CHOICES = 100;
const MAX_MAP_COLUMNS = 128;

/** Two predictions side by side: the effect of post-processing, another GHN or another seed. */
export function ComparisonView({
  a,
  b,
  tensor,
}: {
  a: string | null;
  b: string | null;
  tensor: string | null;
}) {
  const records = useLoaded(
    async (signal) => {
      const { predictions } = await dataOf(
        client.api.GET('/predictions', {
          params: { query: { limit: MAX_CHOICES, status: 'succeeded' } },
          signal,
        }),
      );
      const known = new Map(predictions.map((record) => [record.id, record]));
      for (const id of [a, b]) {
        if (id === null || known.has(id)) continue;
        known.set(
          id,
          await dataOf(client.api.GET('/predictions/{id}', { params: { path: { id } }, signal })),
        );
      }
      return [...known.values()];
    },
    [a, b],
  );
  return (
    <section>
      <h1>Compare two predictions</h1>
      <LoadState loaded={records} height={600}>
        {(choices) => (
          <>
            <div class="columns">
              <Choice
                name="A"
                className="series-a"
                chosen={a}
                choices={choices}
                onChoose={(id) => navigate(href(['compare'], { a: id, b: b ?? undefined }))}
              />
              <Choice
                name="B"
                className="series-b"
                chosen={b}
                choices={choices}
                onChoose={(id) => navigate(href(['compare'], { a: a ?? undefined, b: id }))}
              />
            </div>
            {a !== null && b === null && <PredictOther record={choices.find(({ id }) => id === a)!} />}
            {choices.length === 0 && (
              <p class="empty">
                Nothing is stored yet. <a href={href([])}>Predict a network</a> first.
              </p>
            )}
            {a !== null && b !== null && <Pair a={a} b={b} tensor={tensor} />}
          </>
        )}
      </LoadState>
    </section>
  );
}

const nameOf = ({ architecture, ghn, request, id }: PredictionRecord) =>
  [
    architecture.name,
    ghn.id,
    request.postprocess
      ? `noise ${request.postprocess.noise}${request.postprocess.orthogonalize ? ' + orthogonal' : ''}`
      : 'as predicted',
    shortId(id),
  ].join(' · ');

function Choice({
  name,
  className,
  chosen,
  choices,
  onChoose,
}: {
  name: string;
  className: string;
  chosen: string | null;
  choices: readonly PredictionRecord[];
  onChoose: (id: string) => void;
}) {
  return (
    <label class="field">
      <span>
        <span class={`swatch ${className}`} /> {name}
      </span>
      <select value={chosen ?? ''} onChange={(event) => onChoose(event.currentTarget.value)}>
        <option value="" disabled>
          Choose a prediction
        </option>
        {choices.map((record) => (
          <option key={record.id} value={record.id}>
            {nameOf(record)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Predicts the same network with or without post-processing, if there is nothing to compare with yet. */
function PredictOther({ record }: { record: PredictionRecord }) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const isProcessed = record.request.postprocess !== null;
  const predict = async () => {
    setBusy(true);
    setError(null);
    try {
      const architecture = await dataOf(
        client.api.GET('/predictions/{id}/architecture', { params: { path: { id: record.id } } }),
      );
      const { id } = await client.begin({
        architecture,
        ghn: record.ghn.id,
        seed: record.request.seed,
        predict_classifier: record.request.predict_classifier,
        ...(isProcessed ? {} : { postprocess: { noise: 3e-5, orthogonalize: true } }),
      } as PredictRequest);
      const { status, error: problem } = await client.wait(id);
      if (status !== 'succeeded') throw new Error(problem?.detail ?? `The prediction was ${status}.`);
      navigate(
        isProcessed ? href(['compare'], { a: id, b: record.id }) : href(['compare'], { a: record.id, b: id }),
      );
    } catch (fault) {
      noteError(fault);
      setError(fault);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="panel">
      <p>
        Choose another prediction as B, or{' '}
        <button type="button" class="primary" disabled={isBusy} onClick={predict}>
          {isBusy
            ? 'Predicting …'
            : isProcessed
              ? 'predict it without post-processing'
              : 'predict it with post-processing'}
        </button>
      </p>
      {error !== null && <ErrorBox error={error} onRetry={predict} />}
    </div>
  );
}

interface TensorPair {
  readonly name: string;
  readonly a: TensorStatistics;
  readonly b: TensorStatistics;
}

function Pair({ a, b, tensor }: { a: string; b: string; tensor: string | null }) {
  const loaded = useLoaded(
    async (signal) => {
      const [first, second] = await Promise.all([loadStatistics(a)(signal), loadStatistics(b)(signal)]);
      return pairs(first, second);
    },
    [a, b],
  );
  return (
    <LoadState loaded={loaded} height={600}>
      {({ both, onlyA, onlyB }) => {
        if (both.length === 0)
          return <p class="empty">These two networks have no tensor of the same name in common.</p>;
        const chosen = both.find(({ name }) => name === tensor) ?? mostChanged(both);
        const choose = (name: string) => replace(href(['compare'], { a, b, tensor: name }));
        return (
          <>
            <DepthPlot pairs={both} onChoose={choose} />
            {(onlyA > 0 || onlyB > 0) && (
              <p class="muted">
                {onlyA} tensors are in A alone, {onlyB} in B alone.
              </p>
            )}
            <TensorComparison a={a} b={b} pair={chosen} pairs={both} onChoose={choose} />
            <DifferenceTable pairs={both} chosen={chosen.name} onChoose={choose} />
          </>
        );
      }}
    </LoadState>
  );
}

function pairs(first: Statistics, second: Statistics) {
  const others = new Map(second.tensors.map((entry) => [entry.name, entry]));
  const both = first.tensors.flatMap((entry): TensorPair[] => {
    const other = others.get(entry.name);
    return other ? [{ name: entry.name, a: entry, b: other }] : [];
  });
  return { both, onlyA: first.tensors.length - both.length, onlyB: second.tensors.length - both.length };
}

/** Returns the weight whose diversity changed most, which is shown first. */
function mostChanged(both: readonly TensorPair[]): TensorPair {
  const change = (pair: TensorPair) => Math.abs((diversity(pair.b) ?? 0) - (diversity(pair.a) ?? 0));
  return both.reduce((best, pair) => (change(pair) > change(best) ? pair : best));
}

/** A plot of the part of its rank that each weight uses, from the network's input to its output. */
function DepthPlot({
  pairs: both,
  onChoose,
}: {
  pairs: readonly TensorPair[];
  onChoose: (name: string) => void;
}) {
  const [measure, setMeasure] = useState<'rank' | 'cosine'>('rank');
  const weights = useMemo(() => both.filter(({ a }) => a.effective_rank !== null), [both]);
  const { x, series } = useMemo(() => {
    const of = (entry: TensorStatistics) => (measure === 'rank' ? diversity(entry) : entry.mean_abs_cosine);
    return {
      x: weights.map((_, k) => k + 1),
      series: [
        { name: 'A', colour: 'series-a', values: weights.map(({ a }) => of(a)), hasPoints: true },
        { name: 'B', colour: 'series-b', values: weights.map(({ b }) => of(b)), hasPoints: true },
      ],
    };
  }, [weights, measure]);
  if (weights.length === 0) return null;
  const mean = (key: 'a' | 'b') =>
    weights.reduce((sum, pair) => sum + (diversity(pair[key]) ?? 0), 0) / weights.length;
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  return (
    <figure>
      <figcaption class="row">
        <span>Diversity over depth</span>
        <span class="muted">
          mean effective rank: A {percent(mean('a'))} of full, B {percent(mean('b'))}
        </span>
        <span class="push">
          <Tabs
            label="Measure"
            choices={{ rank: 'Effective rank', cosine: 'Mean |cosine|' }}
            chosen={measure}
            onChoose={setMeasure}
          />
        </span>
      </figcaption>
      <Lines
        x={x}
        series={series}
        height={260}
        label={`Diversity of ${weights.length} weights from input to output: A uses ${percent(mean('a'))} of its rank on average, B ${percent(mean('b'))}`}
        xName={(index) => weights[index].name}
        yName={(number) => (measure === 'rank' ? percent(number) : number.toFixed(2))}
        onPick={(index) => onChoose(weights[index].name)}
      />
    </figure>
  );
}

function TensorComparison({
  a,
  b,
  pair,
  pairs: both,
  onChoose,
}: {
  a: string;
  b: string;
  pair: TensorPair;
  pairs: readonly TensorPair[];
  onChoose: (name: string) => void;
}) {
  const limit = Math.max(mapLimit(pair.a), mapLimit(pair.b));
  return (
    <section aria-labelledby="pair-title">
      <div class="row">
        <h2 id="pair-title">Tensor</h2>
        <label>
          <span class="visually-hidden">Tensor to compare</span>
          <select value={pair.name} onChange={(event) => onChoose(event.currentTarget.value)}>
            {both.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <span class="muted">{shape(pair.a.shape)}</span>
      </div>
      {pair.a.histogram && pair.b.histogram && (
        <figure>
          <figcaption>Values</figcaption>
          <Histogram
            label={`Histograms of ${pair.name}: A has a standard deviation of ${value(pair.a.std)}, B of ${value(pair.b.std)}`}
            series={[
              { ...pair.a.histogram, name: 'A', className: 'series-a' },
              { ...pair.b.histogram, name: 'B', className: 'series-b' },
            ]}
          />
        </figure>
      )}
      {pair.a.shape.length >= 2 && <WindowPair a={a} b={b} pair={pair} limit={limit} />}
    </section>
  );
}

function WindowPair({ a, b, pair, limit }: { a: string; b: string; pair: TensorPair; limit: number }) {
  const loaded = useLoaded(
    async (signal) => {
      const windows = await Promise.all(
        [[a, pair.a] as const, [b, pair.b] as const].map(([id, tensor]) =>
          fetchWindow(id, pair.name, tensor.shape, 0, signal),
        ),
      );
      const spectra = await Promise.all(
        windows.map(({ values, rows, columns }) => rowAnalysis(values, rows, columns)),
      );
      return windows.map((window, k) => ({
        window,
        analysis: spectra[k],
        tensor: k === 0 ? pair.a : pair.b,
        name: k === 0 ? 'A' : 'B',
      }));
    },
    [a, b, pair.name],
  );
  return (
    <LoadState loaded={loaded} height={700}>
      {(sides) => <Sides sides={sides} limit={limit} />}
    </LoadState>
  );
}

interface Side {
  readonly window: Awaited<ReturnType<typeof fetchWindow>>;
  readonly analysis: Awaited<ReturnType<typeof rowAnalysis>>;
  readonly tensor: TensorStatistics;
  readonly name: string;
}

function Sides({ sides, limit }: { sides: readonly Side[]; limit: number }) {
  const spectra = useMemo(
    () =>
      sides.map(({ name, analysis }) => ({
        name,
        colour: name === 'A' ? 'series-a' : 'series-b',
        values: analysis.singularValues,
      })),
    [sides],
  );
  const [{ window, tensor }] = sides;
  const isPart = window.rows < asMatrix(tensor.shape).rows;
  return (
    <>
      <figure>
        <figcaption>
          Singular values {isPart && <small class="muted">of the first {window.rows} rows</small>}
        </figcaption>
        <Spectrum spectra={spectra} />
      </figure>
      <div class="columns">
        {sides.map((side) => (
          <SidePictures key={side.name} side={side} limit={limit} />
        ))}
      </div>
    </>
  );
}

function SidePictures({ side: { window, analysis, tensor, name }, limit }: { side: Side; limit: number }) {
  const columns = Math.min(window.columns, MAX_MAP_COLUMNS);
  const cut = useMemo(() => firstColumns(window, columns), [window, columns]);
  const [, channels, height, width] = tensor.shape;
  return (
    <div>
      {tensor.shape.length === 4 && height * width > 1 && (
        <figure>
          <figcaption>{name}: filters</figcaption>
          <Filters
            values={window.values}
            shape={[window.rows, channels, height, width]}
            label={`${name}: ${window.rows} filters as small images`}
            limit={limit}
          />
        </figure>
      )}
      <figure>
        <figcaption>{name}: values</figcaption>
        <HeatMap
          rows={window.rows}
          columns={columns}
          values={cut}
          limit={limit}
          label={`${name}: heat map of ${window.rows} rows`}
        />
      </figure>
      <figure>
        <figcaption>{name}: cosines between rows</figcaption>
        <HeatMap
          rows={window.rows}
          columns={window.rows}
          values={analysis.cosines}
          limit={1}
          label={`${name}: cosines between ${window.rows} rows`}
        />
      </figure>
    </div>
  );
}

function DifferenceTable({
  pairs: both,
  chosen,
  onChoose,
}: {
  pairs: readonly TensorPair[];
  chosen: string;
  onChoose: (name: string) => void;
}) {
  const [isChangedOnly, setChangedOnly] = useState(false);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(both.length <= 60), [both]);
  const rows = both.filter(({ a, b }) => !isChangedOnly || a.std !== b.std || a.mean !== b.mean);
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>All {count(both.length)} tensors</summary>
      <label class="check">
        <input
          type="checkbox"
          checked={isChangedOnly}
          onChange={(event) => setChangedOnly(event.currentTarget.checked)}
        />{' '}
        Only those that differ
      </label>
      <Scroll label="Both predictions, tensor by tensor">
        <table>
          <thead>
            <tr>
              <th scope="col">Tensor</th>
              <th scope="col" class="number">
                Std A
              </th>
              <th scope="col" class="number">
                Std B
              </th>
              <th scope="col" class="number">
                Effective rank A
              </th>
              <th scope="col" class="number">
                Effective rank B
              </th>
              <th scope="col" class="number">
                |cosine| A
              </th>
              <th scope="col" class="number">
                |cosine| B
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, a, b }) => (
              <tr key={name} class={name === chosen ? 'chosen' : ''}>
                <th scope="row">
                  <button type="button" class="link" onClick={() => onChoose(name)}>
                    {name}
                  </button>
                </th>
                <td class="number">{value(a.std)}</td>
                <td class="number">{value(b.std)}</td>
                <td class="number">{a.effective_rank === null ? '' : value(a.effective_rank)}</td>
                <td class="number">{b.effective_rank === null ? '' : value(b.effective_rank)}</td>
                <td class="number">{a.mean_abs_cosine === null ? '' : value(a.mean_abs_cosine)}</td>
                <td class="number">{b.mean_abs_cosine === null ? '' : value(b.mean_abs_cosine)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}
