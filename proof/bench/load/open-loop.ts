import http from 'node:http';

/** The outcome of one request. */
export interface Outcome {
  /** The status; 0 if there was no answer. */
  readonly status: number;
  /** Time from the moment when the request was due to its last byte, including the time that it waited here. */
  readonly milliseconds: number;
  /** Delay between the time when the request was due and when it was sent, which is the generator's own error. */
  readonly late: number;
  readonly retryAfter: string | undefined;
}

export interface Load {
  readonly port: number;
  /** Average number of requests per second. They do not wait for each other. */
  readonly rate: number;
  readonly seconds: number;
  /** Returns the body of the next request. */
  readonly nextBody: () => string;
}

/**
 * Largest number of requests sent without a pause, so that a burst of arrivals does not delay the reading of answers.
 */
const MAX_SENDS_PER_TURN = 8;

/**
 * Sends requests at random times (Poisson), without waiting for earlier answers. autocannon keeps its rate per
 * connection, and a connection sends nothing while it waits for an answer: a slow service would get fewer requests, and
 * the figures would omit the time that its clients wait.
 */
export async function openLoop({ port, rate, seconds, nextBody }: Load): Promise<Outcome[]> {
  const moments = poissonMoments(rate, seconds);
  const agent = new http.Agent({ keepAlive: true });
  const start = performance.now();
  const outcomes: Promise<Outcome>[] = [];
  await new Promise<void>((resolve) => {
    let next = 0;
    const turn = () => {
      const now = performance.now() - start;
      for (let sends = 0; sends < MAX_SENDS_PER_TURN && next < moments.length; sends++, next++) {
        if (moments[next] > now) break;
        outcomes.push(send(agent, port, nextBody(), start + moments[next]));
      }
      if (next === moments.length) resolve();
      else setTimeout(turn, Math.max(0, moments[next] - (performance.now() - start)));
    };
    turn();
  });
  const all = await Promise.all(outcomes);
  agent.destroy();
  return all;
}

/** Returns milliseconds from the start, in ascending order. */
function poissonMoments(rate: number, seconds: number): number[] {
  const moments: number[] = [];
  for (let at = 0; ; ) {
    at += (-Math.log(1 - Math.random()) / rate) * 1000;
    if (at >= seconds * 1000) return moments;
    moments.push(at);
  }
}

function send(agent: http.Agent, port: number, body: string, meant: number): Promise<Outcome> {
  const late = performance.now() - meant;
  return new Promise((resolve) => {
    const end = (status: number, retryAfter?: string) =>
      resolve({ status, milliseconds: performance.now() - meant, late, retryAfter });
    const outgoing = http.request(
      {
        agent,
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/predict',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        response.resume();
        response.once('end', () => end(response.statusCode!, response.headers['retry-after']));
        response.once('error', () => end(0));
      },
    );
    outgoing.once('error', () => end(0));
    outgoing.end(body);
  });
}
