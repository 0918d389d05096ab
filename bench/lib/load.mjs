/** Filling a server before a measurement, and checking that it holds what it should. */
import { below, keyOf, newValuePattern, valueFor } from './data.mjs';
import { RespConnection } from './resp-connection.mjs';

const batch = 500;
const inFlight = 4;

/**
 * Writes keys 0 … `count` - 1 with SET, four connections, 500 commands at a time. `ttlSeconds` adds `EX`. Every reply
 * must be OK and DBSIZE must be `count` afterwards.
 */
export async function fillResp(port, count, { ttlSeconds } = {}) {
  const option = ttlSeconds === undefined ? [] : ['EX', String(ttlSeconds)];
  let next = 0;
  const worker = async () => {
    const connection = await RespConnection.open(port);
    while (next < count) {
      const from = next;
      next = Math.min(count, from + batch);
      const commands = [];
      for (let i = from; i < next; i++) commands.push(['SET', keyOf(i), valueFor(i), ...option]);
      const replies = await connection.pipeline(commands);
      if (replies.some((reply) => reply !== 'OK')) throw new Error('a SET was not answered by OK');
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const connection = await RespConnection.open(port);
  const size = await connection.call('DBSIZE');
  connection.close();
  if (size !== count) throw new Error(`DBSIZE is ${size} after ${count} keys were written`);
}

/** Reads 500 random keys: each must hold a value of {@link valueFor}, or one a SET measurement has written since. */
export async function checkResp(port, count, { rewritten = false } = {}) {
  const connection = await RespConnection.open(port);
  const numbers = Array.from({ length: 500 }, () => below(count));
  const replies = await connection.pipeline(numbers.map((i) => ['GET', keyOf(i)]));
  connection.close();
  let changed = 0;
  replies.forEach((reply, at) => {
    if (reply === valueFor(numbers[at])) return;
    changed++;
    if (!rewritten || typeof reply !== 'string' || !newValuePattern.test(reply))
      throw new Error(`GET ${keyOf(numbers[at])} answered ${JSON.stringify(reply)}`);
  });
  return changed;
}

/** Fetches 50 random keys over HTTP: status 200 and the value of 100 bytes, or a value written since. */
export async function checkHttp(urlOf, count, { rewritten = false } = {}) {
  for (let n = 0; n < 50; n++) {
    const i = below(count);
    const response = await fetch(urlOf(keyOf(i)));
    const body = await response.text();
    const right = body === valueFor(i) || (rewritten && newValuePattern.test(body));
    if (response.status !== 200 || !right)
      throw new Error(`GET ${urlOf(keyOf(i))} answered ${response.status} ${JSON.stringify(body.slice(0, 200))}`);
  }
}
