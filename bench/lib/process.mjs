/**
 * Programs under test: started on free loopback ports, measured from /proc, ended by their own pid.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Clock ticks per second of /proc/PID/stat; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** A peer or a tool that is not installed: the case is reported as not run, with the remedy. */
export class MissingProgram extends Error {}

/** The programs that are needed, and the Debian packages that bring them. */
const packages = {
  'redis-server': 'redis-server',
  'redis-benchmark': 'redis-tools',
  nginx: 'nginx-light',
  webdis: 'webdis',
  nutcracker: 'nutcracker',
  wrk: 'wrk',
  postgres: 'postgresql',
  initdb: 'postgresql',
  pgbench: 'postgresql',
  psql: 'postgresql-client',
};

/** Debian keeps the programs of PostgreSQL off the path, in a folder per version: newest first. */
function postgresFolders() {
  const root = '/usr/lib/postgresql';
  try {
    return readdirSync(root)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(root, version, 'bin'));
  } catch {
    return [];
  }
}

/** The path of a program, or throws {@link MissingProgram} naming the package that brings it. */
export function requireProgram(name) {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    ...postgresFolders(),
  ];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  throw new MissingProgram(`${name} is not installed: apt-get install --no-install-recommends ${packages[name]}`);
}

/** A loopback port that was free a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const exitWork = new Set();
process.once('exit', () => {
  // Servers last started go first; folders go after the servers that write to them.
  for (const work of [...exitWork].reverse()) work();
});

/** Runs `work` (synchronous) when this process ends; the answer takes it back. */
function atExit(work) {
  exitWork.add(work);
  return () => exitWork.delete(work);
}

/** A temporary folder; removed when the benchmark ends, however it ends. */
export function temporaryFolder(name) {
  const folder = mkdtempSync(join(tmpdir(), `bench-${name}-`));
  atExit(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A user to run as when we are root (some servers refuse to run as root): `nobody`, which every system has. */
export function unprivileged() {
  if (process.getuid() !== 0) return undefined;
  const entry = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  if (entry === null) throw new Error('there is no user nobody to run a server as');
  return { uid: Number(entry[1]), gid: Number(entry[2]) };
}

/**
 * Starts a server program. `ready()` is polled until it returns true. Returns `{ pid, child, output(), stop(), kill() }`, where kill is
 * SIGKILL; rejects with the program's own output when it ends or stays silent. `stopSignal` is what stop() sends first.
 */
export async function startServer(
  command,
  args,
  { name, ready, readyTimeoutMs = 30_000, stopSignal = 'SIGTERM', ...spawnOptions },
) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...spawnOptions });
  let text = '';
  let ended;
  const keep = (chunk) => {
    text = (text + chunk).slice(-16_384);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const exit = new Promise((resolve) => {
    const end = (how) => {
      ended ??= how;
      resolve();
    };
    child.once('error', (error) => end(String(error)));
    child.once('exit', (code, signal) => end(`ended with ${signal ?? code}`));
  });
  // Last resort: whatever way this process ends, the servers it started end too.
  const forget = atExit(() => ended === undefined && child.kill('SIGKILL'));
  const kill = async () => {
    child.kill('SIGKILL');
    await exit;
    forget();
  };
  const stop = async () => {
    child.kill(stopSignal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await exit;
    clearTimeout(timer);
    forget();
  };
  const deadline = Date.now() + readyTimeoutMs;
  for (;;) {
    if (ended !== undefined) throw new Error(`${name} ${ended}\n${text}`);
    const why = await ready().then(
      (isReady) => (isReady ? undefined : 'not ready'),
      (error) => error.message,
    );
    if (why === undefined) break;
    if (Date.now() > deadline) {
      await stop();
      throw new Error(`${name} was not ready after ${readyTimeoutMs / 1000} s (${why})\n${text}`);
    }
    await sleep(20);
  }
  return { pid: child.pid, child, output: () => text, stop, kill };
}

function statOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in parentheses and may hold blanks: count from its end.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [user, system, childrenUser, childrenSystem] = fields.slice(11, 15).map(Number);
  return { parent: Number(fields[1]), own: user + system, children: childrenUser + childrenSystem };
}

/** `pid` and all that descends from it, alive now (nginx workers, the child that rewrites an append-only file). */
export function processTree(pid) {
  const childrenOf = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const { parent } = statOf(entry);
      childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), Number(entry)]);
    } catch {
      // Ended between the two reads.
    }
  }
  const tree = [pid];
  for (const member of tree) tree.push(...(childrenOf.get(member) ?? []));
  return tree;
}

/**
 * Seconds of CPU, user + system, of all threads of a process, its living descendants, and the children it has waited
 * for. Threads that ended are in it; so is a forked child, once: while alive as a descendant, later as waited for.
 * The step is 10 ms.
 */
export function cpuSeconds(pid) {
  let ticks = 0;
  for (const member of processTree(pid)) {
    try {
      const { own, children } = statOf(member);
      ticks += own + children;
    } catch {
      // Ended between the two reads; its time is in the parent's at the next look.
    }
  }
  return ticks / ticksPerSecond;
}

/**
 * Seconds of CPU of the living threads of one process, counted by the kernel whenever a thread stops running (and every few
 * milliseconds while it runs): for what uses so little that the steps of {@link cpuSeconds} show.
 */
export function threadCpuSeconds(pid) {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  return nanoseconds / 1e9;
}

/** Seconds of CPU of the children this process has waited for: the load generators, when they run one by one. */
export const reapedCpuSeconds = () => statOf('self').children / ticksPerSecond;

/** Resident memory in bytes: `all`, and `anonymous` (without pages of mapped files). */
export function residentBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { all: field('VmRSS'), anonymous: field('RssAnon') };
}

/**
 * Waits until a process uses no more than 2 % of one CPU (or one clock tick, in a short window) for a whole window: what it
 * does in the background is over. Rejects after `timeoutMs`, since a figure taken now would be too low.
 */
export async function waitUntilIdle(pid, { timeoutMs = 60_000, windowMs = 1000, name = `process ${pid}` } = {}) {
  const deadline = Date.now() + timeoutMs;
  const most = Math.max(1, (0.02 * windowMs * ticksPerSecond) / 1000) / ticksPerSecond;
  for (;;) {
    const before = cpuSeconds(pid);
    await sleep(windowMs);
    // Half a tick: these are sums of decimal fractions.
    if (cpuSeconds(pid) - before < most + 0.5 / ticksPerSecond) return;
    if (Date.now() > deadline) throw new Error(`${name} is still busy ${timeoutMs / 1000} s after the last request`);
  }
}
