/**
 * The servers of a run: started and filled when a case first asks for them, shared by the cases after it, stopped at the
 * end. `note` is told what is going on.
 */
import { startNginx } from '../peers/nginx.mjs';
import { startRedis } from '../peers/redis.mjs';
import { startSluice } from '../peers/sluice.mjs';
import { startWebdis } from '../peers/webdis.mjs';
import { fillResp } from './load.mjs';

export class Servers {
  #running = new Map();
  #options;
  #note;

  constructor(options, note) {
    this.#options = options;
    this.#note = note;
  }

  /** redis-server with all keys in it. */
  redis() {
    return this.#shared('redis-server', () => this.#filled(() => startRedis()));
  }

  /** Sluice with all keys in it; with `--null` a second redis-server. */
  subject() {
    return this.#shared('subject', () =>
      this.#filled(
        this.#options.null ? async () => ({ ...(await startRedis()), name: 'redis-server (null)' }) : startSluice,
      ),
    );
  }

  /** nginx with `--nginx-keys` keys in its cache. */
  nginx() {
    return this.#shared('nginx', () => this.#cached());
  }

  /** What stands for Sluice's HTTP face: with `--null` a second nginx. */
  async httpSubject() {
    return this.#options.null ? await this.#shared('second nginx', () => this.#cached()) : await this.subject();
  }

  /** webdis in front of {@link redis}. */
  webdis() {
    return this.#shared('webdis', async () => await startWebdis((await this.redis()).port));
  }

  async stop() {
    for (const starting of this.#running.values()) {
      const server = await starting.catch(() => undefined);
      await server?.stop();
    }
    this.#running.clear();
  }

  #shared(name, start) {
    const running = this.#running.get(name) ?? start();
    this.#running.set(name, running);
    // Whoever asked gets the failure; the copy kept here must not count as unhandled.
    running.catch(() => {});
    return running;
  }

  async #filled(start) {
    const server = await start();
    const started = performance.now();
    await fillResp(server.port, this.#options.keys);
    await server.settle();
    this.#note(`${server.name}: ${this.#options.keys} keys loaded and settled in ${seconds(started)} s`);
    return server;
  }

  async #cached() {
    const nginx = await startNginx();
    const started = performance.now();
    await nginx.fill(this.#options['nginx-keys']);
    this.#note(`nginx: ${this.#options['nginx-keys']} keys cached in ${seconds(started)} s`);
    return nginx;
  }
}

const seconds = (started) => ((performance.now() - started) / 1000).toFixed(1);
