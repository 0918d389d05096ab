import { connect, createServer } from 'node:net';

/** The statement, not `synchronous_commit` nor `ON COMMIT DROP`. */
const COMMIT = /(?<!on )(?<![a-z_])commit(?![a-z_])/i;

/**
 * A way to a database server that can be made bad. What happens to a connection at its next COMMIT is armed by {@link atCommit}; the other
 * methods act at once on the connections that are open.
 */
export class Relay {
  port = 0;
  /** What was done at a COMMIT, by name. */
  done = {};
  #target;
  #server;
  #pairs = new Set();
  #armed;
  #delay = 0;

  /** @param targetPort of a server on this machine */
  static start(targetPort) {
    return new Promise((resolve, reject) => {
      const relay = new Relay(targetPort);
      relay.#server.once('error', reject);
      relay.#server.listen(0, '127.0.0.1', () => {
        relay.port = relay.#server.address().port;
        resolve(relay);
      });
    });
  }

  constructor(target) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  /**
   * At the next COMMIT: `cut` passes it on and resets the client's side, `swallow` passes it on and drops everything that is answered, `hold`
   * passes it on `ms` later even if the client is gone by then, `drop` throws it away and cuts both sides.
   */
  atCommit(what, ms = 0) {
    this.#armed = { what, ms };
  }

  /** Resets every connection on both sides. */
  cut() {
    for (const pair of this.#pairs) pair.destroy(true);
  }

  /** Nothing passes on the open connections any more, and nobody is told; after `ms` they are reset. */
  blackHole(ms) {
    for (const pair of this.#pairs) {
      pair.isBlackHole = true;
      setTimeout(() => pair.destroy(true), ms).unref();
    }
  }

  /** The server's side of the open connections is closed, the client's is not told. */
  halfOpen() {
    for (const pair of this.#pairs) {
      pair.isBlackHole = true;
      pair.server.destroy();
    }
  }

  /** What the client sends on the open connections waits for `ms`, and goes on then even if the client is gone. */
  hold(ms) {
    for (const pair of this.#pairs) pair.hold(ms);
  }

  /** What is sent on any connection takes `each` ms longer, for `ms`. */
  slow(each, ms) {
    this.#delay = each;
    setTimeout(() => {
      this.#delay = 0;
    }, ms).unref();
  }

  /** All is well again. */
  heal() {
    this.#armed = undefined;
    this.#delay = 0;
    for (const pair of this.#pairs) if (pair.isBlackHole) pair.destroy(true);
  }

  close() {
    this.#server.close();
    this.cut();
  }

  #accept(client) {
    const server = connect({ host: '127.0.0.1', port: this.#target, allowHalfOpen: true, noDelay: true });
    const pair = new Pair(client, server, () => this.#pairs.delete(pair));
    this.#pairs.add(pair);
    client.on('data', (chunk) => {
      if (this.#armed !== undefined && COMMIT.test(chunk.toString('latin1'))) {
        const { what, ms } = this.#armed;
        this.#armed = undefined;
        this.done[what] = (this.done[what] ?? 0) + 1;
        this.#commit(pair, chunk, what, ms);
        return;
      }
      this.#later(() => pair.up(chunk));
    });
    client.on('end', () => this.#later(() => pair.up(null)));
    server.on('data', (chunk) => this.#later(() => pair.down(chunk)));
    server.on('end', () => this.#later(() => pair.down(null)));
  }

  #commit(pair, chunk, what, ms) {
    if (what === 'drop') pair.destroy(true);
    else if (what === 'hold') {
      pair.hold(ms);
      pair.up(chunk);
    } else {
      pair.up(chunk);
      pair.isDeaf = true;
      if (what === 'cut') pair.client.resetAndDestroy();
    }
  }

  #later(work) {
    if (this.#delay === 0) work();
    else setTimeout(work, this.#delay);
  }
}

/** A client's connection, and the one to the server made for it. */
class Pair {
  isBlackHole = false;
  /** Answers are dropped. */
  isDeaf = false;
  client;
  server;
  #held;
  #gone;

  constructor(client, server, gone) {
    this.client = client;
    this.server = server;
    this.#gone = gone;
    client.on('error', () => {});
    server.on('error', () => {});
    client.on('close', () => {
      // What the client had sent reaches the server all the same.
      this.up(null);
      this.#closed();
    });
    server.on('close', () => {
      if (!this.isBlackHole) client.destroy();
      this.#closed();
    });
  }

  up(chunk) {
    if (this.isBlackHole) return;
    if (this.#held !== undefined) this.#held.push(chunk);
    else if (chunk === null) this.server.end();
    else if (this.server.writable) this.server.write(chunk);
  }

  down(chunk) {
    if (this.isBlackHole || this.isDeaf || !this.client.writable) return;
    if (chunk === null) this.client.end();
    else this.client.write(chunk);
  }

  hold(ms) {
    if (this.#held !== undefined) return;
    this.#held = [];
    setTimeout(() => {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const chunk of held) this.up(chunk);
    }, ms);
  }

  destroy(reset) {
    this.isBlackHole = true;
    for (const socket of [this.client, this.server]) {
      if (reset && !socket.connecting && !socket.destroyed) socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  #closed() {
    if (this.client.destroyed && this.server.destroyed) this.#gone();
  }
}
