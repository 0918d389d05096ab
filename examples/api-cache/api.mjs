/**
 * A slow API with a quota: 150 ms for a product, and no more than 10 calls in any 1,000 ms; the eleventh gets status 429. It writes one line
 * for every call that comes: the instant (ms) and the path.
 *
 *   node api.mjs PORT LOGFILE
 */
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [port = '9000', log = 'api.log'] = process.argv.slice(2);
const LATENCY_MS = 150;
const QUOTA = 10;
const WINDOW_MS = 1000;
const recent = [];

createServer((request, response) => {
  const now = performance.timeOrigin + performance.now();
  appendFileSync(log, `${now} ${request.url}\n`);
  while (recent.length > 0 && recent[0] <= now - WINDOW_MS) recent.shift();
  recent.push(now);
  if (recent.length > QUOTA) {
    response.writeHead(429, { 'Retry-After': '1' }).end('quota exceeded\n');
    return;
  }
  const { pathname, searchParams } = new URL(request.url, 'http://api');
  if (pathname === '/redirect') {
    response.writeHead(302, { Location: searchParams.get('to') ?? '/' }).end();
    return;
  }
  const id = /^\/products\/(\d+)$/.exec(pathname)?.[1];
  setTimeout(() => {
    if (id === undefined) response.writeHead(404).end('no such product\n');
    else
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ id: Number(id), at: now }));
  }, LATENCY_MS);
}).listen(Number(port), '127.0.0.1');
