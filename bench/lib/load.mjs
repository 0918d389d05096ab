/** Filling a server or a cache before a measurement, and checking that it holds what it should. */
import { connect } from 'node:net';
import { below, keyOf, newValuePattern, valueFor, valueTail } from './data.mjs';
import { mgetKeys } from './generators.mjs';
import { RespConnection } from './resp-connection.mjs';

const batch = 500;
const inFlight = 4;

/**
 * Writes keys 0 … `count` - 1 with SET, four connections, 500 commands at a time. `ttlSeconds` adds `EX`. Every reply
 * must be OK and DBSIZE must be `count` afterwards.
 */
export async function fillResp(port, count, { ttlSeconds } = {}) {
  const option = ttlSeconds === undefined ? [] : ['EX', String(ttlSeconds)];
  await inBatches(port, count, (i) => ['SET', keyOf(i), valueFor(i), ...option], 'OK');
  const connection = await RespConnection.open(port);
  const size = await connection.call('DBSIZE');
  connection.close();
  if (size !== count) throw new Error(`DBSIZE is ${size} after ${count} keys were written`);
}

/** Reads every key once with GET: what is in front of the server has them all in its cache then, if they fit. */
export async function readAllResp(port, count) {
  await inBatches(port, count, (i) => ['GET', keyOf(i)]);
}

/** Command number 0 … `count` - 1; each reply must be `expected`, where that is given. */
async function inBatches(port, count, commandOf, expected) {
  let next = 0;
  const worker = async () => {
    const connection = await RespConnection.open(port);
    while (next < count) {
      const from = next;
      next = Math.min(count, from + batch);
      const commands = [];
      for (let i = from; i < next; i++) commands.push(commandOf(i));
      const replies = await connection.pipeline(commands);
      const wrong = expected === undefined ? undefined : replies.find((reply) => reply !== expected);
      if (wrong !== undefined) throw new Error(`${commands[0][0]} was answered by ${JSON.stringify(wrong)}`);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

/** Fetches keys 0 … `count` - 1 once over HTTP, 16 connections with 64 pipelined requests each. */
export async function readAllHttp({ port, prefix, suffix, fields = '' }, count) {
  let next = 0;
  const worker = () =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      let awaited = 0;
      let tail = '';
      const send = () => {
        const from = next;
        next = Math.min(count, from + 64);
        awaited = next - from;
        if (awaited === 0) {
          socket.destroy();
          resolve();
          return;
        }
        let text = '';
        for (let i = from; i < next; i++)
          text += `GET ${prefix}${keyOf(i)}${suffix} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${fields}\r\n`;
        socket.write(text);
      };
      socket.setEncoding('latin1');
      socket.on('connect', send);
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`the server on port ${port} closed the connection`)));
      socket.on('data', (chunk) => {
        // Every value ends with the same bytes: what is counted is whole bodies.
        const parts = (tail + chunk).split(valueTail);
        tail = parts.at(-1).slice(-2000);
        if (/HTTP\/1\.1 (?!200)\d{3}/.test(tail)) reject(new Error(`the server on port ${port} answered ${tail}`));
        awaited -= parts.length - 1;
        if (awaited === 0) send();
      });
    });
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** Reads 500 random keys: each must hold a value of {@link valueFor}, or one a SET measurement has written since. */
export async function checkResp(port, count, { rewritten = false } = {}) {
  return await checkValues(port, count, 500, rewritten, (connection, keys) =>
    connection.pipeline(keys.map((key) => ['GET', key])),
  );
}

/** The same by one MGET as it is measured: every value at the place of its key. */
export async function checkMget(port, count, { rewritten = false } = {}) {
  return await checkValues(port, count, mgetKeys, rewritten, (connection, keys) => connection.call('MGET', ...keys));
}

/** How many of `number` random keys have another value than at first. */
async function checkValues(port, count, number, rewritten, read) {
  const connection = await RespConnection.open(port);
  const numbers = Array.from({ length: number }, () => below(count));
  const replies = await read(connection, numbers.map(keyOf));
  connection.close();
  if (replies.length !== number) throw new Error(`${replies.length} values for ${number} keys`);
  let changed = 0;
  replies.forEach((reply, at) => {
    if (reply === valueFor(numbers[at])) return;
    changed++;
    if (!rewritten || typeof reply !== 'string' || !newValuePattern.test(reply))
      throw new Error(`${keyOf(numbers[at])} was answered by ${JSON.stringify(reply)}`);
  });
  return changed;
}

/**
 * Fetches 50 random keys over HTTP: status 200 and the value of 100 bytes, or a value written since. `headers` maps names to
 * patterns each reply must match, `send` has the fields of the requests.
 */
export async function checkHttp(urlOf, count, { rewritten = false, headers = {}, send = {} } = {}) {
  for (let n = 0; n < 50; n++) {
    const i = below(count);
    const response = await fetch(urlOf(keyOf(i)), { headers: send });
    const body = await response.text();
    const right = body === valueFor(i) || (rewritten && newValuePattern.test(body));
    if (response.status !== 200 || !right)
      throw new Error(`GET ${urlOf(keyOf(i))} answered ${response.status} ${JSON.stringify(body.slice(0, 200))}`);
    for (const [name, pattern] of Object.entries(headers)) {
      const value = response.headers.get(name);
      if (!pattern.test(value ?? '')) throw new Error(`GET ${urlOf(keyOf(i))} answered with ${name}: ${value}`);
    }
  }
}
