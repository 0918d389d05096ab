import { createClient } from 'redis';
import { CITIES, position } from './ledger.mjs';
import { randomWait } from './tools.mjs';

/** A client of the port that speaks the protocol of Redis. It connects again by itself, and sends nothing twice. */
export async function connect(port) {
  const client = createClient({
    url: `redis://127.0.0.1:${port}`,
    disableOfflineQueue: true,
    socket: { reconnectStrategy: 100 },
  });
  // While Sluice is away there is one of these for each try.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** One of so many scooters stops for good after a few reports: a report that is lost must not hide behind a later one. */
const STOPS = 5;

/** Scooters that report about once a second each, at random, with node-redis. Every tenth report or so ends a trip. */
export class Fleet {
  #client;
  #ledger;
  #scooters;
  #sending = new Set();
  #isRiding = true;

  /** @param ids of the scooters */
  constructor(client, ledger, ids) {
    this.#client = client;
    this.#ledger = ledger;
    this.#scooters = ids.map((id) => ({ id, reports: 0, trips: 0, most: mostReports(id), timer: undefined }));
  }

  start() {
    for (const scooter of this.#scooters) this.#wait(scooter);
  }

  /** No more reports; resolves when those on their way have their answers. */
  async stop() {
    this.#isRiding = false;
    for (const { timer } of this.#scooters) clearTimeout(timer);
    await Promise.all(this.#sending);
  }

  #wait(scooter) {
    scooter.timer = setTimeout(() => {
      const turn = this.#turn(scooter).finally(() => {
        this.#sending.delete(turn);
        if (this.#isRiding && scooter.reports < scooter.most) this.#wait(scooter);
      });
      this.#sending.add(turn);
    }, randomWait(1));
  }

  /** A scooter has one command on its way at a time: what it sends next is later than all before. */
  async #turn(scooter) {
    const { id } = scooter;
    await this.#send('report', id, ++scooter.reports, (n) => this.#client.hSet(`scooter:${id}`, position(id, n)));
    if (Math.random() > 0.1) return;
    await this.#send('trip', id, ++scooter.trips, (n) =>
      this.#client.rPush(`trip:${id}`, JSON.stringify({ trip: n, km: (n % 50) / 10 })),
    );
    await this.#send('ride', id, 0, () => this.#client.hIncrBy(`rides:${CITIES[id % CITIES.length]}`, 'rides', 1));
  }

  async #send(kind, id, n, command) {
    // Not sent, so it is not of unknown fate either.
    if (!this.#client.isReady) return;
    try {
      await command(n);
      this.#ledger.note(kind, id, n, 'accepted');
    } catch {
      this.#ledger.note(kind, id, n, 'unknown');
    }
  }
}

function mostReports(id) {
  return id % STOPS === 0 ? 1 + Math.floor(Math.random() * 15) : Number.POSITIVE_INFINITY;
}
