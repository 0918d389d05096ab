import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A Sluice node as a process of its own; only RESP listens. */
export class NodeProcess {
  output = '';
  ended = false;
  #child;
  #exit;

  /** @param dist folder of the built program. @param options dataDir, durability, env. */
  constructor(dist, { dataDir, durability = 'commit', env = {}, cwd }) {
    const args = [
      'start',
      '--http',
      'off',
      '--admin',
      'off',
      '--resp',
      '127.0.0.1:0',
      '--data',
      dataDir,
      '--durability',
      durability,
    ];
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_')));
    this.#child = spawn(process.execPath, [join(dist, 'cli', 'main.js'), ...args], {
      cwd,
      env: { ...inherited, SLUICE_CHECKPOINT_LOG_BYTES: '1MiB', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        this.output += text;
      });
    this.#exit = once(this.#child, 'close').then(([code, signal]) => {
      this.ended = true;
      return code ?? signal;
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** @returns the port, or undefined when the process ended before it listened. */
  async port(withinMs = 30_000) {
    const until = performance.now() + withinMs;
    while (performance.now() < until) {
      const match = /resp\W+(?:\w+:\/\/)?127\.0\.0\.1:(\d+)\D/i.exec(this.output.replace(/\u001b\[[\d;]*m/g, ''));
      if (match !== null) return Number(match[1]);
      if (this.ended) return undefined;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`no address of RESP after ${withinMs} ms:\n${this.output}`);
  }

  /** Ends it at once; resolves when it is gone. */
  kill(signal = 'SIGKILL') {
    if (!this.ended) this.#child.kill(signal);
    return this.#exit;
  }
}
