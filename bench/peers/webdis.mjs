import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuSeconds, freePort, requireProgram, startServer, temporaryFolder } from '../lib/process.mjs';

/**
 * webdis in front of the redis-server on `redisPort`; one thread, which takes the least CPU per request (2 take about as
 * much, 5 half as much again). `GET /GET/{key}.txt` answers the raw value.
 */
export async function startWebdis(redisPort, { threads = 1 } = {}) {
  const program = requireProgram('webdis');
  const port = await freePort();
  const folder = temporaryFolder('webdis');
  const file = join(folder, 'webdis.json');
  const config = {
    redis_host: '127.0.0.1',
    redis_port: redisPort,
    redis_auth: null,
    http_host: '127.0.0.1',
    http_port: port,
    threads,
    pool_size: 20,
    daemonize: false,
    database: 0,
    acl: [{ disabled: ['DEBUG'] }],
    verbosity: 0,
    logfile: join(folder, 'webdis.log'),
  };
  writeFileSync(file, JSON.stringify(config));
  const server = await startServer(program, [file], {
    name: 'webdis',
    cwd: folder,
    ready: async () => (await fetch(`http://127.0.0.1:${port}/PING`)).ok,
  });
  return {
    name: 'webdis',
    pid: server.pid,
    cpu: () => cpuSeconds(server.pid),
    http: { port, prefix: '/GET/', suffix: '.txt' },
    urlOf: (key) => `http://127.0.0.1:${port}/GET/${key}.txt`,
    stop: () => server.stop(),
  };
}
