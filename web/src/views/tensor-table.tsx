import { useState } from 'preact/hooks';
import type { TensorStatistics } from '../../../clients/typescript/src/index.js';
import { count, shape, value } from '../app/format.js';
import { tensorHref } from '../app/router.js';
import { SparkHistogram } from '../charts/histogram.js';
import { Scroll } from '../parts/scroll.js';
import { fullRank } from './diversity.js';

/** Largest number of rows. More are slow to lay out, and no one reads them; the filter finds the rest. */
const MAX_ROWS = 200;

export function TensorTable({ id, tensors }: { id: string; tensors: readonly TensorStatistics[] }) {
  const [filter, setFilter] = useState('');
  const shown = tensors.filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase()));
  return (
    <>
      <label>
        <span class="visually-hidden">Filter the tensors by name</span>
        <input
          type="search"
          placeholder="Filter by name …"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      </label>
      <Scroll label="Statistics of each tensor">
        <table>
          <thead>
            <tr>
              <th scope="col">Tensor</th>
              <th scope="col">Shape</th>
              <th scope="col" class="number">
                Mean
              </th>
              <th scope="col" class="number">
                Std
              </th>
              <th scope="col" class="number">
                Effective rank
              </th>
              <th scope="col" class="number">
                Mean |cosine|
              </th>
              <th scope="col">Values</th>
            </tr>
          </thead>
          <tbody>
            {shown.slice(0, MAX_ROWS).map((tensor) => (
              <tr key={tensor.name}>
                <th scope="row">
                  <a href={tensorHref(id, tensor.name)}>{tensor.name}</a>
                </th>
                <td class="nowrap">{shape(tensor.shape)}</td>
                <td class="number">{value(tensor.mean)}</td>
                <td class="number">{value(tensor.std)}</td>
                <td class="number">
                  {tensor.effective_rank === null
                    ? ''
                    : `${value(tensor.effective_rank)} of ${fullRank(tensor.shape)}`}
                </td>
                <td class="number">{tensor.mean_abs_cosine === null ? '' : value(tensor.mean_abs_cosine)}</td>
                <td>{tensor.histogram && <SparkHistogram bins={tensor.histogram} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {shown.length === 0 && <p class="empty">No tensor has “{filter}” in its name.</p>}
      {shown.length > MAX_ROWS && (
        <p class="muted">
          The first {MAX_ROWS} of {count(shown.length)}: filter to see others.
        </p>
      )}
    </>
  );
}
