import { analyseRows } from './rows.js';

interface Question {
  readonly id: number;
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

self.onmessage = ({ data: { id, values, rows, columns } }: MessageEvent<Question>) => {
  const { singularValues, cosines } = analyseRows(values, rows, columns);
  self.postMessage({ id, singularValues, cosines }, { transfer: [singularValues.buffer, cosines.buffer] });
};
