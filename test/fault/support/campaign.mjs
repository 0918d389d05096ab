import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeProcess } from './node-process.mjs';
import { RespConnection } from './resp.mjs';
import { commandOf, judge, readOf } from './workload.mjs';

const CONNECTIONS = 4;
const PIPELINE = 24;
const BALLAST = 40_000;

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Starts a node, works on it, kills it with -9 at a random moment, starts it again, compares, and so on.
 *
 * @param options dist, kills, seed, durability, onProgress(text), stopWhenWrong, tamper(dataDir, random): done once between two
 *   lives, after which a refusal to start is right.
 * @returns counts, and the first things found wrong.
 */
export async function campaign({
  dist,
  kills,
  seed,
  durability = 'commit',
  onProgress = () => {},
  stopWhenWrong = false,
  tamper,
}) {
  const random = randomOf(seed);
  const base = mkdtempSync(join(tmpdir(), 'sluice-fault-'));
  const dataDir = join(base, 'data');
  mkdirSync(join(base, 'cwd'));
  const result = {
    kills: 0,
    killsWhileStarting: 0,
    killsWhileLoading: 0,
    acknowledged: 0,
    unacknowledgedKept: 0,
    lost: 0,
    torn: 0,
    resurrected: 0,
    refused: 0,
    errors: 0,
    largestFolder: 0,
    examples: [],
  };
  /** By connection: commands known to be done. */
  const done = Array.from({ length: CONNECTIONS }, () => 0);
  let node;
  let tampered = false;
  try {
    while (result.kills <= kills) {
      const last = result.kills === kills;
      node = new NodeProcess(dist, { dataDir, durability, cwd: join(base, 'cwd') });
      if (!last && random() < 0.2) {
        if (random() < 0.3) await sleep(random() * 300);
        else {
          await node.port();
          await sleep(random() * 100);
        }
        await node.kill();
        if (!node.output.includes('listening')) result.killsWhileStarting++;
        else if (!node.output.includes('is ready')) result.killsWhileLoading++;
        result.kills++;
        continue;
      }
      const connections = await connect(node, done.length);
      if (connections === undefined) {
        await node.kill();
        result.refused++;
        result.examples.push(`did not start: ${refusalIn(node.output)}`);
        return result;
      }
      for (const [c, connection] of connections.entries()) {
        const verdict = judge(c, await stateOf(c, connection), done[c]);
        result.lost += verdict.lost;
        result.torn += verdict.torn;
        result.resurrected += verdict.resurrected;
        result.examples.push(...verdict.examples.map((text) => `life ${result.kills}, connection ${c}: ${text}`));
        if (verdict.lost > 0)
          result.examples.push(`life ${result.kills}, connection ${c}: done ${verdict.n}, acknowledged ${done[c]}`);
        result.unacknowledgedKept += Math.max(0, verdict.n - done[c]);
        done[c] = verdict.n;
      }
      result.examples.length = Math.min(result.examples.length, 20);
      const [ballast] = await connections[0].send([['EXISTS', ...ballastKeys(50)]]);
      if (ballast !== (result.ballast ?? 0)) {
        result.lost += 50;
        result.examples.push(`life ${result.kills}: of 50 keys written at the start ${ballast} are there`);
      }
      if (result.ballast === undefined) {
        result.ballast = 50;
        for (let from = 0; from < BALLAST; from += 500)
          await connections[0].send(ballastKeys(BALLAST, from, from + 500).map((key) => ['SET', key, 'x']));
      }
      if (last || (stopWhenWrong && wrong(result) > 0)) break;
      const before = done.slice();
      const work = connections.map((connection, c) => run(c, connection, done, result));
      await sleep(20 + random() ** 2 * 900);
      await node.kill();
      await Promise.all(work);
      for (const connection of connections) connection.close();
      result.acknowledged += done.reduce((sum, n, c) => sum + n - before[c], 0);
      result.kills++;
      result.largestFolder = Math.max(result.largestFolder, folderBytes(dataDir));
      if (tamper !== undefined && !tampered && result.kills >= kills / 2) {
        tampered = true;
        await tamper(dataDir, random);
      }
      onProgress(`${result.kills} kills, ${result.acknowledged} acknowledged, ${wrong(result)} wrong`);
    }
  } catch (error) {
    throw new Error(`after ${result.kills} kills: ${error.message}\n${node?.output}`, { cause: error });
  } finally {
    await node?.kill();
    rmSync(base, { recursive: true, force: true });
  }
  return result;
}

/** Code and message of the error in a log, or its end. */
function refusalIn(output) {
  const message = /"type":"SluiceError","message":"((?:[^"\\]|\\.)*)"/.exec(output)?.[1];
  const code = /"code":"([A-Z_]+)"/.exec(output)?.[1];
  return message === undefined ? output.trim().slice(-400) : `${code} ${message}`;
}

/** Everything that must not be. */
export function wrong(result) {
  return result.lost + result.torn + result.resurrected + result.refused + result.errors;
}

/** Sends until the node dies; `done[c]` follows the replies. */
async function run(c, connection, done, result) {
  let next = done[c];
  try {
    for (;;) {
      const batch = Array.from({ length: PIPELINE }, (_, i) => commandOf(c, next + i));
      next += PIPELINE;
      for (const reply of connection.sendEach(batch)) {
        const answer = await reply;
        if (answer instanceof Error) {
          result.errors++;
          result.examples.push(`connection ${c}: ${answer.message}`);
          return;
        }
        done[c]++;
      }
    }
  } catch {
    // The kill.
  }
}

/** Connections to a node that has loaded its data; undefined when it refuses to. */
async function connect(node, count) {
  const port = await node.port();
  if (port === undefined) return undefined;
  try {
    const connections = await Promise.all(Array.from({ length: count }, () => RespConnection.connect(port)));
    for (;;) {
      const [reply] = await connections[0].send([['GET', 'none']]);
      if (!(reply instanceof Error)) return connections;
      await sleep(5);
    }
  } catch {
    // It listens before it has read everything.
    return undefined;
  }
}

/** Every key of a connection, with its value as canonical text. */
async function stateOf(c, connection) {
  const state = new Map();
  let cursor = '0';
  do {
    const [reply] = await connection.send([['SCAN', cursor, 'MATCH', `?:${c}*`, 'COUNT', '20000']]);
    if (reply instanceof Error) throw reply;
    const [next, keys] = reply;
    cursor = next;
    const reads = keys.map(readOf);
    const answers = await connection.send(reads.map(([command]) => command));
    for (const [i, key] of keys.entries()) state.set(key, reads[i][1](answers[i]));
  } while (cursor !== '0');
  return state;
}

/** Some or all of the keys that are never touched again; they make loading take its time. */
function ballastKeys(count, from = 0, to = count) {
  return Array.from({ length: to - from }, (_, i) => `ballast:${from + i}`);
}

function folderBytes(folder) {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
