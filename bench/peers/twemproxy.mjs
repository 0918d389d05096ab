import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuSeconds, freePort, requireProgram, startServer, temporaryFolder } from '../lib/process.mjs';
import { RespConnection } from '../lib/resp-connection.mjs';

/**
 * twemproxy (the program is called nutcracker) in front of the redis-server on `redisPort`: one server, one connection to it, as it
 * comes; logs nothing but its start.
 */
export async function startTwemproxy(redisPort) {
  const program = requireProgram('nutcracker');
  const [port, statistics] = [await freePort(), await freePort()];
  const folder = temporaryFolder('twemproxy');
  const config = `
pool:
  listen: 127.0.0.1:${port}
  redis: true
  hash: fnv1a_64
  distribution: ketama
  preconnect: true
  auto_eject_hosts: false
  timeout: 5000
  servers:
    - 127.0.0.1:${redisPort}:1
`;
  const file = join(folder, 'nutcracker.yml');
  writeFileSync(file, config);
  const server = await startServer(
    program,
    [
      ...[
        '--conf-file',
        file,
        '--output',
        join(folder, 'nutcracker.log'),
        '--pid-file',
        join(folder, 'nutcracker.pid'),
      ],
      ...['--verbose', '0', '--stats-addr', '127.0.0.1', '--stats-port', String(statistics)],
    ],
    { name: 'twemproxy', ready: () => answersGet(port) },
  );
  return {
    name: 'twemproxy',
    pid: server.pid,
    port,
    cpu: () => cpuSeconds(server.pid),
    stop: server.stop,
  };
}

/** It has no DBSIZE, and closes the connection of a client that asks. */
async function answersGet(port) {
  const connection = await RespConnection.open(port);
  try {
    return (await connection.call('GET', 'no such key')) === null;
  } finally {
    connection.close();
  }
}
