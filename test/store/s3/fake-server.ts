import { createServer, type RequestListener } from 'node:http';
import { onTestFinished } from 'vitest';
import { CREDENTIALS } from './server.js';

/** Starts a server in place of S3 until the test is over, sets credentials for it, and returns its URL. */
export async function fakeS3(answer: RequestListener): Promise<string> {
  Object.assign(process.env, CREDENTIALS);
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}
