/**
 * Thousands of connections that mean no good, in a process of their own so that they do not slow down who measures. Started by
 * hostile.mjs; gets one message with what to attack and says now and then what has become of it.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

/** Between two connections of one place, so that it is the node that is tried and not this machine's loopback. */
const PAUSE_MS = 2000;
const STEP_MS = 1000;

const counts = {};
let target;
let ended = false;

process.on('message', (message) => {
  target = message;
  const names = Object.keys(kinds).filter((name) => target.only === undefined || target.only.includes(name));
  for (let place = 0; place < target.connections; place++) {
    const name = names[place % names.length];
    counts[name] ??= { opened: 0, refused: 0, closed: 0, open: 0 };
    // Not all in one burst: the backlog of the listener is not what is tried.
    setTimeout(() => attack(name, place), (place / target.connections) * target.rampMs);
  }
  setInterval(() => process.send?.(counts), STEP_MS);
});
process.on('disconnect', () => process.exit(0));

/** One place: a connection of one kind, made again whenever it ends. */
function attack(name, place) {
  if (ended) return;
  const count = counts[name];
  const { port, first, step, pauseMs = PAUSE_MS, reads = true } = kinds[name](place);
  const localAddress = target.addresses[place % target.addresses.length];
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  let timer;
  let wasOpen = false;
  socket.on('connect', () => {
    wasOpen = true;
    count.opened++;
    count.open++;
    if (!reads) socket.pause();
    if (first !== undefined) socket.write(first, 'latin1');
    if (step !== undefined) timer = setInterval(() => step(socket), step.everyMs ?? STEP_MS);
  });
  if (reads) socket.resume();
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    clearInterval(timer);
    if (wasOpen) {
      count.open--;
      count.closed++;
    } else count.refused++;
    setTimeout(() => attack(name, place), pauseMs * (0.5 + Math.random()));
  });
  // Who does not read is not told of the end either.
  if (!reads) setTimeout(() => socket.destroy(), 10_000 + Math.random() * 10_000);
}

const dribble = (text) => {
  let at = 0;
  return (socket) => socket.write(text[at++ % text.length]);
};
const http = (method, path, headers = '') =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${target.secret}\r\n${headers}\r\n`;
const resp = (...argv) => `*${argv.length}\r\n${argv.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
const login = () => resp('AUTH', target.user, target.secret);
const every = (everyMs, step) => Object.assign(step, { everyMs });

/** What a connection of each kind sends at first, and then again and again. Some of them have the secret of a user gone bad. */
const kinds = {
  'header at 1 byte/s': () => ({
    port: target.http,
    first: 'GET /k HT',
    step: dribble('TP/1.1\r\nHost: localhost\r\nX-A: b'),
  }),
  'body at 1 byte/s': () => ({
    port: target.http,
    first: http('PUT', '/slow', 'Content-Length: 1000000\r\n') + 'x'.repeat(60_000),
    step: dribble('x'),
  }),
  'HTTP reader that stops': () => ({ port: target.http, first: http('GET', '/large').repeat(20), reads: false }),
  idle: (place) => ({ port: place % 4 < 2 ? target.http : target.resp }),
  'TLS handshake that stops': () => ({ port: target.admin, first: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abc' }),
  garbage: (place) => ({
    port: place % 4 < 2 ? target.http : target.resp,
    first: randomBytes(3000).latin1Slice(),
    step: (socket) => socket.write(randomBytes(1000)),
  }),
  'oversized bulk': (place) =>
    place % 4 < 2
      ? { port: target.resp, first: `${login()}*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$999999999999\r\n` }
      : {
          port: target.resp,
          first: `${login()}*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${target.bulkBytes}\r\n`,
          step: every(100, (socket) => socket.writableLength < 65_536 && socket.write('x'.repeat(16_384))),
        },
  'pipeline nobody reads': () => ({
    port: target.resp,
    first: login() + resp('GET', 'large').repeat(500),
    reads: false,
  }),
  'reconnect storm': (place) => ({
    port: place % 4 < 2 ? target.http : target.resp,
    first: 'PING\r\n',
    step: every(300, (socket) => socket.destroy()),
    pauseMs: 300,
  }),
  'wrong passwords': (place) =>
    place % 4 < 2
      ? {
          port: target.resp,
          step: every(200, (socket) => socket.write(resp('AUTH', 'polite', `guess-${Math.random()}`))),
        }
      : {
          port: target.http,
          step: every(200, (socket) =>
            socket.write(`GET /k HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer guess-${Math.random()}\r\n\r\n`),
          ),
        },
};

process.on('SIGTERM', () => {
  ended = true;
  process.exit(0);
});
