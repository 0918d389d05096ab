import { Agent, request } from 'node:http';
import { Agent as AgentTls, request as requestTls } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { RespConnection } from './resp.mjs';

const PERIOD_MS = 50;
const NEWCOMER_MS = 250;
const DEADLINE_MS = 10_000;
/** A SYN that found no room is sent again after 1, 3, 7 and 15 seconds. */
const NEWCOMER_DEADLINE_MS = 30_000;

/** Asks for little and reads what it is told. */
export class Polite {
  #ports;
  #resp;
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #adminAgent = new AgentTls({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  #second = 0;

  static async connect(ports) {
    const polite = new Polite();
    polite.#ports = ports;
    polite.#resp = await polite.#login();
    return polite;
  }

  async #login() {
    const connection = await RespConnection.connect(this.#ports.resp);
    const [reply] = await connection.send([['AUTH', 'polite', 'secret-of-polite']]);
    if (reply !== 'OK') throw reply;
    return connection;
  }

  put(key, value) {
    return this.#http('PUT', `/${key}`, value, [201, 204]);
  }

  /** For so long: a PUT, a GET and a GET over RESP every 50 ms, now and then a new connection, and `everySecond`. */
  async run(ms, everySecond) {
    const until = performance.now() + ms;
    const old = { latencies: [], errors: [] };
    const fresh = { latencies: [], errors: [] };
    const asLongAs = async (everyMs, work) => {
      while (performance.now() < until) {
        const due = performance.now() + everyMs;
        await work();
        await sleep(Math.max(0, due - performance.now()));
      }
    };
    let n = 0;
    const requests = asLongAs(PERIOD_MS, async () => {
      n++;
      const [key, value] = [`polite-${n % 100}`, `value ${n}`];
      await timed(old, 'HTTP PUT', () => this.put(key, value));
      await timed(old, 'HTTP GET', () => this.#http('GET', `/${key}`, undefined, [200]));
      await timed(old, 'RESP GET', async () => {
        const [found] = await this.#resp.send([['GET', key]]);
        if (found !== value) throw found instanceof Error ? found : new Error(`another value: ${found}`);
      });
    });
    const connections = asLongAs(NEWCOMER_MS, () =>
      timed(fresh, 'a new connection', async () => (await this.#login()).close(), NEWCOMER_DEADLINE_MS),
    );
    const seconds = asLongAs(1000, () => {
      this.#second++;
      return everySecond();
    });
    await Promise.all([requests, connections, seconds]);
    return { old, fresh };
  }

  async metrics() {
    const options = { host: '127.0.0.1', port: this.#ports.admin, path: '/metrics', agent: this.#adminAgent };
    const page = await answerOf(requestTls({ ...options, headers: authorization }), undefined, [200]);
    const value = (name) =>
      Number(
        page
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.slice(name.length) ?? 0,
      );
    return {
      second: this.#second,
      heap: value('nodejs_heap_used_bytes'),
      lag: value('sluice_event_loop_lag_seconds{quantile="1"}'),
      connections: value('sluice_limit_connections'),
      input: value('sluice_limit_held_bytes{direction="input"}'),
      output: value('sluice_limit_held_bytes{direction="output"}'),
      hits: [...page.matchAll(/^sluice_limit_hits_total\{(.*)\} (\d+)$/gm)].map(([, labels, times]) => [labels, times]),
    };
  }

  #http(method, path, body, accepted) {
    const options = {
      host: '127.0.0.1',
      port: this.#ports.http,
      method,
      path,
      agent: this.#agent,
      headers: authorization,
    };
    return answerOf(request(options), body, accepted);
  }
}

async function timed({ latencies, errors }, what, ask, deadlineMs = DEADLINE_MS) {
  const started = performance.now();
  try {
    await within(deadlineMs, ask());
    latencies.push(performance.now() - started);
  } catch (error) {
    errors.push(`${what}: ${error.message}`);
  }
}

const authorization = { authorization: 'Bearer secret-of-polite' };

function answerOf(sent, body, accepted) {
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('latin1').on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        accepted.includes(response.statusCode)
          ? resolve(text)
          : reject(new Error(`status ${response.statusCode}: ${text}`)),
      );
    });
    sent.end(body);
  });
}

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
