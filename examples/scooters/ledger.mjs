export const CITIES = ['Stockholm', 'Malmö', 'Oslo', 'Bergen', 'Aarhus'];
/** Rides of each city before the start. */
export const EARLIER_RIDES = 1000;

/** What the table knows before the start: the parked ones and every second of the others, all with report 0. */
export const isSeeded = (id, riding) => id >= riding || id % 2 === 0;

/** Report number `n` of a scooter; fleet.py has the same. So the number of a report tells what all the rest of it must be. */
export function position(id, n) {
  const step = (id * 7919 + n * 37) % 20_000;
  return {
    lat: ((59_320_000 + step) / 1e6).toFixed(6),
    lon: ((18_060_000 + step) / 1e6).toFixed(6),
    battery: `${100 - (Math.floor(n / 5) % 100)}`,
    report: `${n}`,
  };
}

/**
 * What was accepted, and what may have been: commands whose answer never came. Everything is judged by this.
 * A fleet that wants to be believed does not ask Sluice what it has written.
 */
export class Ledger {
  /** Scooters that ride; those after them are parked and never report. */
  riding;
  counts = { accepted: 0, unknown: 0, trips: 0, rides: 0 };
  #scooters;
  #trips = new Map();
  #rides = new Map(CITIES.map((city) => [city, { accepted: 0, unknown: 0 }]));

  constructor(riding, parked) {
    this.riding = riding;
    this.#scooters = Array.from({ length: riding + parked }, (_, id) => ({
      accepted: isSeeded(id, riding) ? 0 : undefined,
      unknown: [],
      read: -1,
    }));
  }

  get size() {
    return this.#scooters.length;
  }

  /** What became of a command. @param kind report, trip or ride  @param fate accepted or unknown */
  note(kind, id, n, fate) {
    const isAccepted = fate === 'accepted';
    if (kind === 'report') {
      const scooter = this.#scooters[id];
      if (isAccepted) Object.assign(scooter, { accepted: n, unknown: [] });
      else scooter.unknown.push(n);
      this.counts[fate]++;
    } else if (kind === 'trip') {
      this.#trips.set(`${id}/${n}`, fate);
      if (isAccepted) this.counts.trips++;
    } else {
      this.#rides.get(CITIES[id % CITIES.length])[fate]++;
      if (isAccepted) this.counts.rides++;
    }
  }

  /** The oldest report that a read which begins now may give; undefined: it may give none. */
  oldestFor(id) {
    const { accepted, read } = this.#scooters[id];
    return read > (accepted ?? -1) ? read : accepted;
  }

  /**
   * Judges an answer: no older than what was accepted, or read by anybody, before the question; and all of it of one report.
   * @returns what is wrong with it; undefined: nothing
   */
  judge(id, oldest, row) {
    if (row.report === undefined)
      return oldest === undefined ? undefined : `scooter ${id}: no row, after report ${oldest}`;
    const n = Number(row.report);
    const scooter = this.#scooters[id];
    scooter.read = Math.max(scooter.read, n);
    if (n < (oldest ?? 0)) return `scooter ${id}: report ${n}, after report ${oldest}`;
    return this.#isWhole(id, n, row) ? undefined : `scooter ${id}: not of one report: ${JSON.stringify(row)}`;
  }

  /** Every row is the last accepted report, or a later one of unknown fate, and no older than what was read. @returns what is wrong */
  wrongRows(rows) {
    const found = new Map(rows.map((row) => [Number(row.id), row]));
    return this.#scooters.flatMap(({ accepted, unknown, read }, id) => {
      const row = found.get(id);
      if (row === undefined) return accepted === undefined && read < 0 ? [] : [`scooter ${id}: no row`];
      const n = Number(row.report);
      if (n < read || (n !== accepted && !unknown.includes(n)))
        return [`scooter ${id}: report ${n}, accepted ${accepted}, unknown [${unknown}], read ${read}`];
      return this.#isWhole(id, n, row) ? [] : [`scooter ${id}: not of one report: ${JSON.stringify(row)}`];
    });
  }

  /** Every accepted trip is there once; others once at most. @returns what is wrong */
  wrongTrips(rows) {
    const times = new Map();
    for (const { scooter, trip } of rows) times.set(`${scooter}/${trip}`, (times.get(`${scooter}/${trip}`) ?? 0) + 1);
    const lost = [...this.#trips].filter(([trip, fate]) => fate === 'accepted' && !times.has(trip));
    const odd = [...times].filter(([trip, count]) => count > 1 || !this.#trips.has(trip));
    return [
      ...lost.map(([trip]) => `trip ${trip}: accepted, not in the table`),
      ...odd.map(([trip, count]) => `trip ${trip}: ${count} times in the table`),
    ];
  }

  /** Each city has what it had, and the accepted rides, and of the unknown ones none to all. @returns what is wrong */
  wrongCities(rows) {
    const found = new Map(rows.map(({ city, rides }) => [city, Number(rides) - EARLIER_RIDES]));
    return [...this.#rides].flatMap(([city, { accepted, unknown }]) => {
      const rides = found.get(city);
      const isRight = rides !== undefined && rides >= accepted && rides <= accepted + unknown;
      return isRight ? [] : [`${city}: ${rides} rides, accepted ${accepted}, unknown ${unknown}`];
    });
  }

  #isWhole(id, n, row) {
    const wanted = position(id, n);
    // Nobody but the seed writes the model: the other columns of a row stay as they are.
    const model = isSeeded(id, this.riding) ? 'S1' : undefined;
    const same = ['lat', 'lon', 'battery'].every((field) => Number(row[field]) === Number(wanted[field]));
    return same && (row.model ?? undefined) === model;
  }
}
