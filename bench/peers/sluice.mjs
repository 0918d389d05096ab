import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  cpuSeconds,
  freePort,
  MissingProgram,
  sleep,
  startServer,
  temporaryFolder,
  waitUntilIdle,
} from '../lib/process.mjs';
import { answersResp } from '../lib/resp-connection.mjs';

const main = resolve(process.env['BENCH_SLUICE'] ?? fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)));
const probe = new URL('../lib/sluice-probe.mjs', import.meta.url).href;

/**
 * Sluice from `dist` (or the program `BENCH_SLUICE`), on its embedded engine with the default durability (`commit`), every
 * setting as it comes. With `redisPort` it stands before the redis-server there; `settings` are the rest of its configuration.
 * `probed` loads the probe that answers `collectGarbage` and `ask(…)`;
 * profiles are written to the folder `profiles`. `nodeArgs` go to node. `data` is a folder with what an earlier one has left.
 */
export async function startSluice({
  probed = false,
  profiles = '',
  nodeArgs = [],
  redisPort,
  settings = {},
  data = temporaryFolder('sluice'),
} = {}) {
  if (!existsSync(main)) throw new MissingProgram(`${main} does not exist: npm run build`);
  const store = redisPort === undefined ? { data } : { store: `redis://127.0.0.1:${redisPort}` };
  const config = join(temporaryFolder('sluice-config'), 'sluice.yaml');
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ ...store, ...settings }));
  const [http, resp, admin] = [await freePort(), await freePort(), await freePort()];
  const address = (port) => `127.0.0.1:${port}`;
  const server = await startServer(
    process.execPath,
    [
      ...nodeArgs,
      ...(probed ? ['--expose-gc'] : []),
      ...[
        main,
        'start',
        '--http',
        address(http),
        '--resp',
        address(resp),
        '--admin',
        address(admin),
        '--config',
        config,
      ],
    ],
    {
      name: 'sluice',
      // By NODE_OPTIONS, since worker threads may have arguments of their own.
      env: { ...process.env, BENCH_PROFILES: profiles, ...(probed && { NODE_OPTIONS: `--import=${probe}` }) },
      stdio: ['ignore', 'pipe', 'pipe', ...(probed ? ['ipc'] : [])],
      ready: () => answersResp(resp),
      readyTimeoutMs: 120_000,
    },
  );
  const ask = async (name) => {
    server.child.send(name);
    for (;;) {
      const [message] = await once(server.child, 'message', { signal: AbortSignal.timeout(30_000) });
      if (message.name === name) return message.value;
    }
  };
  return {
    name: 'Sluice',
    pid: server.pid,
    port: resp,
    admin: `http://${address(admin)}`,
    data,
    ask,
    http: { port: http, prefix: '/', suffix: '' },
    urlOf: (key) => `http://${address(http)}/${key}`,
    cpu: () => cpuSeconds(server.pid),
    /** Waits until the journal and the checkpoint behind it have nothing left to do. */
    settle: () => waitUntilIdle(server.pid, { name: 'sluice' }),
    /** The same where nothing is written to disk: what is left ends at once. */
    settleSoon: () => waitUntilIdle(server.pid, { name: 'sluice', windowMs: 250 }),
    /** Collects in every thread, the main one last; resolves when memory has been given back. */
    async collectGarbage() {
      const usage = await ask('gc');
      await sleep(500);
      await ask('gc');
      await sleep(500);
      return usage;
    },
    output: server.output,
    stop: server.stop,
    kill: server.kill,
  };
}
