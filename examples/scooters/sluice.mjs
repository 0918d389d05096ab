import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, until } from './tools.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Sluice as a process, and what its admin address tells. */
export class Sluice {
  ports;
  /** The end of what it has said of itself. */
  printed = '';
  #environment;
  #child;

  /** @param folder for its data  @param url of the database */
  static async make(folder, url) {
    const sluice = new Sluice();
    const [http, resp, admin] = [await freePort(), await freePort(), await freePort()];
    sluice.ports = { http, resp, admin };
    sluice.#environment = {
      ...process.env,
      HTTP_PORT: `${http}`,
      RESP_PORT: `${resp}`,
      ADMIN_PORT: `${admin}`,
      DATA_FOLDER: folder,
      FLEET_URL: url,
    };
    return sluice;
  }

  /** Resolves when it takes writes. */
  async start() {
    const args = [here('../../scripts/bootstrap.mjs'), 'start', '--config', here('sluice.yaml')];
    const child = spawn(process.execPath, args, {
      env: this.#environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.printed = `${this.printed}${text}`.slice(-8000);
    });
    const isReady = async () => {
      if (child.exitCode !== null) return true;
      return (await fetch(`http://127.0.0.1:${this.ports.admin}/ready`)).ok;
    };
    await until(isReady, 'Sluice is ready', 300_000);
    if (child.exitCode !== null) throw new Error(`Sluice ended with status ${child.exitCode}:\n${this.printed}`);
  }

  /** kill -9, unless another signal is given; resolves when it is gone. */
  async kill(signal = 'SIGKILL') {
    const gone = once(this.#child, 'exit');
    this.#child.kill(signal);
    const [status] = await gone;
    return status;
  }

  /** For the end of this process. */
  killNow() {
    this.#child?.kill('SIGKILL');
  }

  /** What it tells of each keyspace, by its pattern; rejects when it does not so in time (ms). */
  async status(timeout) {
    const response = await fetch(`http://127.0.0.1:${this.ports.admin}/api/write-behind`, {
      signal: AbortSignal.timeout(timeout),
    });
    const { keyspaces } = await response.json();
    return Object.fromEntries(keyspaces.map((one) => [one.keyspace, one]));
  }

  /** `sluice flush --wait`. @returns what it prints; rejects when not all is written in time */
  async flush(timeout) {
    const args = ['flush', '--wait', '--timeout', timeout, '--admin', `127.0.0.1:${this.ports.admin}`];
    const { stdout } = await promisify(execFile)(process.execPath, [here('../../dist/cli/main.js'), ...args]).catch(
      (error) => {
        throw new Error(`sluice flush --wait: ${error.stdout}${error.stderr}`);
      },
    );
    return stdout;
  }
}
