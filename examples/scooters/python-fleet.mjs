import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CITIES } from './ledger.mjs';

/** A Python that has redis-py; undefined: there is none. */
export function findPython() {
  const candidates = process.env.PYTHON === undefined ? ['python3', '/usr/bin/python3'] : [process.env.PYTHON];
  return candidates.find((python) => spawnSync(python, ['-c', 'import redis'], { stdio: 'ignore' }).status === 0);
}

/** Scooters in a process of their own, with redis-py. */
export class PythonFleet {
  #child;
  #done;

  constructor(python, port, ledger, { first, count }) {
    const script = fileURLToPath(new URL('fleet.py', import.meta.url));
    const args = [script, `${port}`, `${first}`, `${count}`, ...CITIES];
    const env = { ...process.env, PYTHONUTF8: '1' };
    this.#child = spawn(python, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin.on('error', () => undefined);
    const lines = createInterface({ input: this.#child.stdout });
    lines.on('line', (line) => {
      const [kind, id, n, fate] = line.split(' ');
      ledger.note(kind, Number(id), Number(n), fate);
    });
    this.#done = Promise.all([once(this.#child, 'exit'), once(lines, 'close')]);
  }

  /** No more reports; resolves when all that became of them is known. */
  async stop() {
    this.#child.stdin.end();
    const [[status]] = await this.#done;
    if (status !== 0) throw new Error(`fleet.py ended with status ${status}`);
  }

  kill() {
    this.#child.kill('SIGKILL');
  }
}
