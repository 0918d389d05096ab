import { setTimeout as sleep } from 'node:timers/promises';
import { connectRaw, type RawResp } from '../../support/raw-resp.ts';
import { startRedis } from '../../support/redis-server.ts';
import { startSluiceProcess } from '../../support/sluice-process.ts';

export interface ChaosOptions {
  readonly clients: number;
  readonly kills: number;
  readonly seed: number;
}

export interface ChaosReport {
  replies: number;
  kills: number;
  /** Error replies by their first words. */
  readonly errors: Record<string, number>;
  /** What must never be: a reply of another client or command, a lost acknowledged write, an undocumented error. */
  readonly violations: string[];
  /** After the last restart, ms until every client was served again. */
  recoveredAfterMs: number;
}

const DOCUMENTED = [/^-ERR SLUICE_UPSTREAM_UNKNOWN /, /^-LOADING /, /^-ERR SLUICE_OVERLOADED /, /^-EXECABORT /];
const KEYS = 4;

/** What one client knows of one of its keys. */
interface Known {
  acknowledged: number;
  tried: number;
}

/**
 * So many clients, each with keys and values that name it, use a node while the server behind it is killed and started again. The server
 * keeps acknowledged writes. Every reply is checked to be one that this very command of this very client may have got.
 */
export async function runUpstreamChaos({ clients, kills, seed }: ChaosOptions): Promise<ChaosReport> {
  await using redis = await startRedis({ keeps: 'writes', args: ['--maxclients', '2000'] });
  await using node = await startSluiceProcess({ args: ['--redis', `127.0.0.1:${redis.port}`] });
  const report: ChaosReport = { replies: 0, kills: 0, errors: {}, violations: [], recoveredAfterMs: 0 };
  let running = true;

  const complain = (text: string): void => void (report.violations.length < 20 && report.violations.push(text));

  /** @returns whether it is no error */
  const isAnswer = (reply: string, command: string): boolean => {
    report.replies++;
    if (!reply.startsWith('-')) return true;
    const words = reply.split(' ').slice(0, 2).join(' ');
    report.errors[words] = (report.errors[words] ?? 0) + 1;
    if (!DOCUMENTED.some((known) => known.test(reply))) complain(`${command}: ${reply}`);
    return false;
  };

  const client = async (number: number): Promise<void> => {
    const random = randomOf(seed * 1000 + number);
    const known: Known[] = Array.from({ length: KEYS }, () => ({ acknowledged: 0, tried: 0 }));
    const keyOf = (i: number): string => `c${number}:k${i}`;
    const textOf = (i: number, version: number): string => `c${number}:k${i}:${version}`;
    const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
    let counted = 0;
    let countTried = 0;

    const checkValue = (i: number, reply: string, command: string): void => {
      if (!isAnswer(reply, command)) return;
      const { acknowledged, tried } = known[i] as Known;
      const text = reply.split('\r\n')[1] ?? '';
      const version = reply === '$-1\r\n' ? 0 : Number(text.slice(`c${number}:k${i}:`.length));
      const isOwn = reply === '$-1\r\n' || reply === bulk(textOf(i, version));
      if (!isOwn || version < acknowledged || version > tried)
        complain(`${command} of client ${number}: ${JSON.stringify(reply)}, known ${acknowledged}..${tried}`);
    };
    const tryWrite = (i: number): number => ++(known[i] as Known).tried;
    const noteWrite = (i: number, version: number, reply: string, wanted: string, command: string): void => {
      if (!isAnswer(reply, command)) return;
      if (reply !== wanted) complain(`${command} of client ${number}: ${JSON.stringify(reply)}`);
      else (known[i] as Known).acknowledged = Math.max((known[i] as Known).acknowledged, version);
    };

    const steps = async (connection: RawResp): Promise<void> => {
      const i = Math.floor(random() * KEYS);
      const what = random();
      if (what < 0.35) {
        checkValue(i, await connection.command('GET', keyOf(i)), 'GET');
      } else if (what < 0.6) {
        const version = tryWrite(i);
        noteWrite(i, version, await connection.command('SET', keyOf(i), textOf(i, version)), '+OK\r\n', 'SET');
      } else if (what < 0.75) {
        const version = tryWrite(i);
        const [set = '', get = '', ping, echo] = await connection.pipeline([
          ['SET', keyOf(i), textOf(i, version)],
          ['GET', keyOf(i)],
          ['PING'],
          ['ECHO', keyOf(i)],
        ]);
        noteWrite(i, version, set, '+OK\r\n', 'pipelined SET');
        checkValue(i, get, 'pipelined GET');
        if (ping !== '+PONG\r\n' || echo !== bulk(keyOf(i))) complain(`pipeline of client ${number}: ${ping}${echo}`);
      } else if (what < 0.85) {
        const version = tryWrite(i);
        const replies = await connection.pipeline([
          ['MULTI'],
          ['SET', keyOf(i), textOf(i, version)],
          ['GET', keyOf(i)],
          ['EXEC'],
        ]);
        const exec = replies[3] ?? '';
        noteWrite(i, version, exec, `*2\r\n+OK\r\n${bulk(textOf(i, version))}`, 'EXEC');
      } else if (what < 0.95) {
        countTried++;
        const reply = await connection.command('INCR', `c${number}:n`);
        if (isAnswer(reply, 'INCR')) {
          const count = Number(reply.slice(1, -2));
          if (!(count > counted && count <= countTried))
            complain(`INCR of client ${number}: ${reply}, ${counted}..${countTried}`);
          counted = count;
        }
      } else {
        const list = `c${number}:l`;
        const [push = '', pop = ''] = await connection.pipeline([
          ['RPUSH', list, list],
          ['BLPOP', list, '1'],
        ]);
        isAnswer(push, 'RPUSH');
        if (isAnswer(pop, 'BLPOP') && pop !== '*-1\r\n' && pop !== `*2\r\n${bulk(list)}${bulk(list)}`)
          complain(`BLPOP of client ${number}: ${JSON.stringify(pop)}`);
      }
    };

    await using connection = await connectRaw({ port: node.resp.port });
    while (running) {
      await steps(connection).catch((error: unknown) => {
        complain(`client ${number}: ${String(error)}`);
        running = false;
      });
      if (random() < 0.5) await sleep(Math.floor(random() * 20));
    }
    for (let i = 0; i < KEYS; i++) checkValue(i, await connection.command('GET', keyOf(i)), 'last GET');
  };

  const all = Array.from({ length: clients }, (_, number) => client(number));
  const random = randomOf(seed);
  for (; report.kills < kills && running; report.kills++) {
    await sleep(100 + random() * 300);
    await redis.kill();
    await sleep(random() ** 3 * 1000);
    await redis.restart();
  }
  const since = performance.now();
  await using probe = await connectRaw({ port: node.resp.port });
  while ((await probe.command('SET', 'probe', '1')) !== '+OK\r\n' && performance.now() - since < 10_000) await sleep(5);
  report.recoveredAfterMs = Math.round(performance.now() - since);
  await sleep(500);
  running = false;
  await Promise.all(all);
  const ended = await Promise.race([node.ended, sleep(0)]);
  if (ended !== undefined) complain(`the node ended: ${ended}\n${node.output()}`);
  return report;
}

/** Pseudo-random numbers in [0, 1): runs can be repeated. */
function randomOf(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
