import { useMemo, useState } from 'preact/hooks';
import type { TensorStatistics } from '../../../clients/typescript/src/index.js';
import { count, shape, shortId, value } from '../app/format.js';
import { predictionHref } from '../app/router.js';
import { useLoaded } from '../app/service.js';
import { Filters } from '../charts/filters.js';
import { HeatMap } from '../charts/heat-map.js';
import { Histogram } from '../charts/histogram.js';
import { Lines } from '../charts/lines.js';
import { rowAnalysis } from '../numeric/row-analysis.js';
import { asMatrix, fetchWindow, type TensorWindow, windowRows } from '../numeric/tensor-window.js';
import { blockShapes } from '../numeric/tiles.js';
import { LoadState } from '../parts/status.js';
import { fullRank } from './diversity.js';
import { loadStatistics } from './prediction.js';

/** Filters with more channels are not shown as images. */
const MAX_PICTURE_CHANNELS = 4;
/** Largest number of heat map columns that fit on a screen. */
const MAX_MAP_COLUMNS = 256;

/** Values beyond this many standard deviations are shown in the strongest colour. */
const STRONGEST_STDS = 3;

export const mapLimit = ({ std, mean }: TensorStatistics): number =>
  Math.abs(mean ?? 0) + STRONGEST_STDS * (std ?? 0) || 1;

/** The view of one tensor: numbers, values, filters, spectrum, cosines. */
export function TensorView({ id, name }: { id: string; name: string }) {
  const loaded = useLoaded(
    async (signal) => {
      const { tensors } = await loadStatistics(id)(signal);
      const index = tensors.findIndex((tensor) => tensor.name === name);
      if (index < 0) throw new Error(`The prediction has no tensor ${name}.`);
      return { tensor: tensors[index], before: tensors[index - 1], after: tensors[index + 1] };
    },
    [id, name],
  );
  const blocks = useLoaded((signal) => blockShapes(id, signal).catch(() => null), [id]);
  return (
    <section>
      <p>
        <a href={predictionHref(id)}>← prediction {shortId(id)}</a>
      </p>
      <h1 class="name">{name}</h1>
      <LoadState loaded={loaded} height={600}>
        {({ tensor }) => <Tensor id={id} tensor={tensor} block={blocks.data?.get(name) ?? null} />}
      </LoadState>
    </section>
  );
}

function Tensor({
  id,
  tensor,
  block,
}: {
  id: string;
  tensor: TensorStatistics;
  block: readonly number[] | null;
}) {
  const isTiled = block?.some((extent, k) => extent < tensor.shape[k]);
  const { columns } = asMatrix(tensor.shape);
  const facts: [string, string][] = [
    ['Shape', shape(tensor.shape)],
    ['Values', count(tensor.count)],
    ...(tensor.shape.length >= 2
      ? ([
          ['Fan-in', count(columns)],
          ['Std × √fan-in', value(tensor.std === null ? null : tensor.std * Math.sqrt(columns))],
        ] as [string, string][])
      : []),
    ['Mean', value(tensor.mean)],
    ['Std', value(tensor.std)],
    ['Least, greatest', `${value(tensor.min)}, ${value(tensor.max)}`],
    ['Zeros', count(tensor.zeros)],
    ...(tensor.effective_rank === null
      ? []
      : [
          ['Effective rank', `${value(tensor.effective_rank)} of ${fullRank(tensor.shape)}`] as [
            string,
            string,
          ],
        ]),
    ...(tensor.mean_abs_cosine === null
      ? []
      : [['Mean |cosine| of rows', value(tensor.mean_abs_cosine)] as [string, string]]),
    [
      'Tile',
      block === null ? 'not a tile' : isTiled ? `a block of ${shape(block)}, repeated` : 'one block, whole',
    ],
  ];
  return (
    <>
      <dl class="facts">
        {facts.map(([key, text]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {tensor.histogram && (
        <figure>
          <figcaption>Values</figcaption>
          <Histogram
            label={`Histogram of ${count(tensor.count)} values from ${value(tensor.min)} to ${value(tensor.max)}`}
            series={[{ ...tensor.histogram, name: tensor.name, className: 'series-a' }]}
          />
        </figure>
      )}
      <Pictures id={id} tensor={tensor} block={block} />
    </>
  );
}

/** Images of a window of the tensor's values. */
function Pictures({
  id,
  tensor,
  block,
}: {
  id: string;
  tensor: TensorStatistics;
  block: readonly number[] | null;
}) {
  const { rows } = asMatrix(tensor.shape);
  const [start, setStart] = useState(0);
  const step = windowRows(tensor.shape);
  const loaded = useLoaded(
    (signal) => fetchWindow(id, tensor.name, tensor.shape, start, signal),
    [id, tensor.name, start],
  );
  return (
    <>
      {rows > step && (
        <div class="row">
          <label>
            Rows from{' '}
            <input
              type="range"
              min="0"
              max={rows - step}
              step="1"
              value={start}
              onChange={(event) => setStart(Number(event.currentTarget.value))}
            />
          </label>
          <span class="muted" role="status">
            rows {start} to {Math.min(rows, start + step) - 1} of {rows}: what follows is of these
          </span>
        </div>
      )}
      <LoadState loaded={loaded} height={480}>
        {(window) => <WindowPictures tensor={tensor} window={window} block={block} />}
      </LoadState>
    </>
  );
}

function WindowPictures({
  tensor,
  window,
  block,
}: {
  tensor: TensorStatistics;
  window: TensorWindow;
  block: readonly number[] | null;
}) {
  const { rows, columns, values } = window;
  const columnsShown = Math.min(columns, MAX_MAP_COLUMNS);
  const cut = useMemo(() => firstColumns(window, columnsShown), [window, columnsShown]);
  const [filters, channels, height, width] = tensor.shape;
  const isPicture = tensor.shape.length === 4 && height * width > 1;
  const tile = useMemo(() => {
    if (block === null || block.length < 2) return null;
    const matrix = asMatrix(block);
    const isSameInside = block.slice(2).every((extent, k) => extent === tensor.shape[k + 2]);
    return { rows: matrix.rows, columns: isSameInside ? matrix.columns : columns };
  }, [block, tensor, columns]);
  return (
    <div class="pictures">
      {isPicture && (
        <figure>
          <figcaption>
            {channels === 3
              ? 'Filters as RGB images'
              : `Filters${channels > MAX_PICTURE_CHANNELS ? ', their first channel' : ''}`}
          </figcaption>
          <Filters
            values={values}
            shape={[Math.min(rows, filters), channels, height, width]}
            label={`${Math.min(rows, filters)} filters of ${tensor.name} as small images`}
          />
        </figure>
      )}
      <figure>
        <figcaption>
          Heat map{' '}
          {columnsShown < columns && (
            <small class="muted">
              of the first {columnsShown} of {count(columns)} columns
            </small>
          )}
          {tile && (tile.rows < rows || tile.columns < columnsShown) && (
            <small class="muted"> lines: where the tile repeats</small>
          )}
        </figcaption>
        <HeatMap
          rows={rows}
          columns={columnsShown}
          values={cut}
          limit={mapLimit(tensor)}
          tile={tile}
          label={`Heat map of ${rows} rows of ${tensor.name}: blue is below zero, red above`}
        />
      </figure>
      {tensor.shape.length >= 2 && rows > 1 && <RowPictures tensor={tensor} window={window} />}
    </div>
  );
}

export function firstColumns({ rows, columns, values }: TensorWindow, shown: number): Float32Array {
  if (shown === columns) return values;
  const cut = new Float32Array(rows * shown);
  for (let row = 0; row < rows; row++)
    cut.set(values.subarray(row * columns, row * columns + shown), row * shown);
  return cut;
}

function RowPictures({
  tensor,
  window: { values, rows, columns },
}: {
  tensor: TensorStatistics;
  window: TensorWindow;
}) {
  const analysis = useLoaded(() => rowAnalysis(values, rows, columns), [values]);
  return (
    <LoadState loaded={analysis} height={300}>
      {({ singularValues, cosines }) => (
        <>
          <figure>
            <figcaption>Singular values</figcaption>
            <Spectrum spectra={[{ name: tensor.name, colour: 'series-a', values: singularValues }]} />
          </figure>
          <figure>
            <figcaption>Cosines between rows</figcaption>
            <HeatMap
              rows={rows}
              columns={rows}
              values={cosines}
              limit={1}
              label={`Cosines between ${rows} rows: similar rows are red, opposite rows are blue`}
            />
          </figure>
        </>
      )}
    </LoadState>
  );
}

export interface NamedSpectrum {
  readonly name: string;
  readonly colour: string;
  /** Values in descending order. */
  readonly values: Float64Array;
}

/** A plot of the singular values in order, on a logarithmic axis. */
export function Spectrum({ spectra }: { spectra: readonly NamedSpectrum[] }) {
  const { x, series } = useMemo(() => {
    const length = Math.max(...spectra.map(({ values }) => values.length));
    const least = Math.max(...spectra.map(({ values }) => values[0] ?? 0)) * 1e-7;
    return {
      x: Array.from({ length }, (_, k) => k + 1),
      series: spectra.map(({ name, colour, values }) => ({
        name,
        colour,
        // Zero has no logarithm.
        values: Array.from({ length }, (_, k) => (k < values.length && values[k] > least ? values[k] : null)),
        hasPoints: length <= 40,
      })),
    };
  }, [spectra]);
  return (
    <Lines
      x={x}
      series={series}
      isLogarithmic
      label={`Singular values: ${spectra.map(({ name, values }) => `${name} from ${value(values[0])} to ${value(values[values.length - 1])}`).join('; ')}`}
      xName={(index) => `value ${index + 1}`}
      yName={value}
    />
  );
}
