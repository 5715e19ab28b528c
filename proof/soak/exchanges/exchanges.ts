import type { Exchange } from '../exchange.js';
import { followPrediction, pollForPrediction } from './asynchronous.js';
import { listAll, look } from './browse.js';
import { deletePrediction, hangUpOnDownload, hangUpOnEvents, hangUpOnPrediction } from './cancel.js';
import { downloadRanges, downloadResumed, downloadWhole } from './download.js';
import { predictLargeBody, predictMany, predictReplaced } from './many.js';
import {
  downloadConverted,
  downloadSlice,
  downloadTensor,
  downloadTfjs,
  readGraph,
  readStatistics,
} from './parts.js';
import { predictAgain, predictNew } from './predict.js';
import { badRequest } from './refused.js';
import { sendHalf, sendNoHttp } from './sockets.js';
import { pipeline, readNothing } from './unread.js';

export interface ExchangeKind {
  readonly name: string;
  /** Relative frequency. */
  readonly weight: number;
  readonly run: (exchange: Exchange) => Promise<unknown>;
}

/** The kinds of clients. */
export const EXCHANGES: readonly ExchangeKind[] = [
  { name: 'predict, again', weight: 24, run: predictAgain },
  { name: 'predict, new', weight: 10, run: predictNew },
  { name: 'predict, many', weight: 4, run: predictMany },
  { name: 'predict, large body', weight: 2, run: predictLargeBody },
  { name: 'predict, replaced GHN', weight: 3, run: predictReplaced },
  { name: 'predict async, poll', weight: 5, run: pollForPrediction },
  { name: 'predict async, events', weight: 5, run: followPrediction },
  { name: 'download', weight: 8, run: downloadWhole },
  { name: 'download, resumed', weight: 5, run: downloadResumed },
  { name: 'download, several ranges', weight: 4, run: downloadRanges },
  { name: 'download, slice', weight: 4, run: downloadSlice },
  { name: 'download, converted', weight: 4, run: downloadConverted },
  { name: 'download, tensor', weight: 4, run: downloadTensor },
  { name: 'download, tfjs', weight: 3, run: downloadTfjs },
  { name: 'statistics', weight: 3, run: readStatistics },
  { name: 'graph', weight: 2, run: readGraph },
  { name: 'hang up, prediction', weight: 4, run: hangUpOnPrediction },
  { name: 'hang up, download', weight: 3, run: hangUpOnDownload },
  { name: 'hang up, events', weight: 2, run: hangUpOnEvents },
  { name: 'delete', weight: 4, run: deletePrediction },
  { name: 'bad request', weight: 8, run: badRequest },
  { name: 'half a request', weight: 2, run: sendHalf },
  { name: 'no HTTP', weight: 1, run: sendNoHttp },
  { name: 'pipelined', weight: 3, run: pipeline },
  { name: 'unread', weight: 3, run: readNothing },
  { name: 'list', weight: 3, run: listAll },
  { name: 'look', weight: 6, run: look },
];
