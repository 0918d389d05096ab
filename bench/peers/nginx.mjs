import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { valueTail } from '../lib/data.mjs';
import { readAllHttp } from '../lib/load.mjs';
import { cpuSeconds, freePort, requireProgram, startServer, temporaryFolder } from '../lib/process.mjs';

/**
 * nginx with proxy_cache, one worker, no access log, `sendfile` off as it comes (for 100 bytes it costs 5 us more), in front of an origin (a second nginx) that makes up the value of
 * any key. `fill(count)` fetches every key once; `originRequests()` tells how often the origin has been asked, so that a
 * measurement can prove that it saw hits only.
 */
export async function startNginx() {
  const program = requireProgram('nginx');
  const originPort = await freePort();
  const origin = await startOne(program, originPort, 'nginx origin', '', originServer(originPort));
  const port = await freePort();
  const server = await startOne(
    program,
    port,
    'nginx',
    'proxy_cache_path cache keys_zone=keys:256m inactive=24h use_temp_path=off levels=1:2;',
    cacheServer(port, originPort),
  );
  return {
    name: 'nginx proxy_cache',
    pid: server.pid,
    cpu: () => cpuSeconds(server.pid),
    http: { port, prefix: '/', suffix: '' },
    urlOf: (key) => `http://127.0.0.1:${port}/${key}`,
    fill: (count) => readAllHttp({ port, prefix: '/', suffix: '' }, count),
    async originRequests() {
      const text = await (await fetch(`http://127.0.0.1:${originPort}/requests`)).text();
      // The third line of stub_status: accepted, handled, requests (this one included).
      return Number(text.trim().split('\n')[2].trim().split(' ')[2]);
    },
    version: () => execFileSync(program, ['-v'], { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' }),
    async stop() {
      await server.stop();
      await origin.stop();
    },
  };
}

/** The same origin alone, and nginx in front of it that passes every request on over kept connections. */
export async function startNginxProxy() {
  const program = requireProgram('nginx');
  const originPort = await freePort();
  const origin = await startOne(program, originPort, 'nginx origin', '', originServer(originPort));
  const port = await freePort();
  const server = await startOne(program, port, 'nginx', '', cacheServer(port, originPort, false));
  return {
    name: 'nginx proxy_pass',
    originPort,
    pid: server.pid,
    cpu: () => cpuSeconds(server.pid),
    http: { port, prefix: '/', suffix: '' },
    urlOf: (key) => `http://127.0.0.1:${port}/${key}`,
    async stop() {
      await server.stop();
      await origin.stop();
    },
  };
}

const originServer = (port) => `
  server {
    listen 127.0.0.1:${port};
    default_type application/octet-stream;
    location = /requests { stub_status; }
    location ~ ^/(.+)$ { return 200 "$1${valueTail}"; }
  }`;

const cacheServer = (port, originPort, caches = true) => `
  upstream origin { server 127.0.0.1:${originPort}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      ${caches ? 'proxy_cache keys; proxy_cache_valid 200 24h;' : ''}
    }
  }`;

async function startOne(program, port, name, httpLines, serverBlock) {
  const folder = temporaryFolder('nginx');
  mkdirSync(join(folder, 'cache'), { mode: 0o777 });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path tmp-${kind};`,
  );
  const config = `
daemon off;
# Started by root, the worker would be nobody and could not write to this folder.
${process.getuid() === 0 ? 'user root;' : ''}
worker_processes 1;
pid nginx.pid;
error_log error.log;
events { worker_connections 1024; }
http {
${temporary.join('\n')}
  access_log off;
  # The default closes a connection after 1000 requests; the peers do not.
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  ${httpLines}
  ${serverBlock}
}`;
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, config);
  return await startServer(program, ['-p', folder, '-e', 'error.log', '-c', file], {
    name,
    ready: async () => {
      await fetch(`http://127.0.0.1:${port}/requests`);
      return true;
    },
  });
}
