import http from 'node:http';

/** Measures the cost of sending alone: a Node server that answers every request with a ready buffer of BYTES bytes. */
const body = Buffer.alloc(Number(process.env.BYTES), 1);

http
  .createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-length': body.byteLength }).end(body);
    });
  })
  .listen(Number(process.env.PORT), '127.0.0.1');
