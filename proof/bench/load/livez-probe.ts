import http from 'node:http';

// Runs in a separate process, so that the work of the load generator does not count as the service's latency.

/** Interval of the requests, which do not wait for earlier answers. */
const INTERVAL_MS = 10;

const port = Number(process.argv[2]);
const agent = new http.Agent({ keepAlive: true });
let latencies: number[] = [];
let failures = 0;
let meant = performance.now();

function probe(): void {
  const since = meant;
  http
    .get({ agent, host: '127.0.0.1', port, path: '/livez' }, (response) => {
      response.resume();
      response.once('end', () => {
        latencies.push(performance.now() - since);
        if (response.statusCode !== 200) failures++;
      });
    })
    .once('error', () => {
      failures++;
    });
}

function turn(): void {
  while (meant <= performance.now()) {
    probe();
    meant += INTERVAL_MS;
  }
  setTimeout(turn, meant - performance.now());
}

// Each message asks for the measurements since the one before.
process.on('message', () => {
  process.send!({ latencies, failures });
  latencies = [];
  failures = 0;
});
process.once('disconnect', () => process.exit(0));
turn();
