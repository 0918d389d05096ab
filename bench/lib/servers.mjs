/**
 * The servers of a run: started and filled when a case first asks for them, shared by the cases after it, stopped at the
 * end. `note` is told what is going on.
 */
import { startNginx } from '../peers/nginx.mjs';
import { startRedis } from '../peers/redis.mjs';
import { startSluice } from '../peers/sluice.mjs';
import { startTwemproxy } from '../peers/twemproxy.mjs';
import { startWebdis } from '../peers/webdis.mjs';
import { fillResp, readAllResp } from './load.mjs';

/** How much Sluice may cache before a redis-server: `share` of all keys, or a number of entries; neither: nothing. */
export const cacheKinds = {
  all: { share: 1.1 },
  most: { share: 0.9 },
  few: { entries: 1000 },
  off: {},
};

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

  /** twemproxy in front of {@link redis}. */
  twemproxy() {
    return this.#shared('twemproxy', async () => await startTwemproxy((await this.redis()).port));
  }

  /**
   * Sluice in front of a redis-server of its own (`redis`) with all keys in it, its cache of a kind of {@link cacheKinds} and as
   * full as it gets; with `--null` a peer: `twemproxy` | `webdis` | `redis` (directly).
   */
  proxied(kind, peer = 'twemproxy') {
    if (this.#options.null) return this.#shared(`proxied by ${peer}`, () => this.#proxiedByPeer(peer));
    return this.#shared(`proxied, cache ${kind}`, () => this.#proxied(kind));
  }

  /** Sluice as by {@link proxied}, started with more options of startSluice; the caller stops it. */
  async startProxied(kind, redis, startOptions = {}) {
    const { keys } = this.#options;
    const { share, entries = share && Math.round(keys * share) } = cacheKinds[kind];
    const cache = entries === undefined ? { enabled: false } : { maxEntries: entries, maxBytes: '4GiB' };
    const sluice = await startSluice({ ...startOptions, redisPort: redis.port, settings: { cache } });
    if (share !== undefined) {
      const started = performance.now();
      await readAllResp(sluice.port, keys);
      this.#note(`Sluice: ${keys} keys read through it in ${seconds(started)} s`);
    }
    return { ...sluice, settle: sluice.settleSoon, redis };
  }

  async stop() {
    // What was started last goes first: it may stand before what was started earlier.
    for (const starting of [...this.#running.values()].reverse()) {
      const server = await starting.catch(() => undefined);
      await server?.stop();
    }
    this.#running.clear();
  }

  async #proxied(kind) {
    // Without a cache Sluice is no burden to a redis-server that has another before it.
    return await this.startProxied(kind, await this.redisBehind(kind === 'off' ? 'few' : kind));
  }

  async #proxiedByPeer(peer) {
    const redis = await this.redisBehind('peer');
    if (peer === 'redis') return { ...redis, redis, stop: () => {} };
    const start = { twemproxy: startTwemproxy, webdis: startWebdis }[peer];
    return { ...(await start(redis.port)), redis };
  }

  /**
   * The redis-server behind Sluice with a cache of this kind. By default a redis-server remembers a million keys that were read, and
   * when there are more declares some of them changed: a cache of all keys needs more, with HTTP two names for each.
   */
  redisBehind(kind) {
    const more = ['--tracking-table-max-keys', '0'];
    return this.#shared(`redis-server behind ${kind}`, () => this.#filled(() => startRedis({ more })));
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
