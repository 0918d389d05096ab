import { getRandomValues } from 'node:crypto';
import { Apis } from '../client/http/apis.ts';
import type { SharedRate } from '../client/http/gate.ts';
import { OutgoingHttp } from '../client/http/outgoing.ts';
import type { SluiceConfig } from '../config/schema.ts';
import { patternOf } from '../config/schema-keyspaces.ts';
import { isSluiceError, SluiceError } from '../errors.ts';
import type { FetchSource } from '../face/http/fetch-handler.ts';
import type { Clock } from '../kernel/clock.ts';
import { orderPatterns } from '../kernel/compare-patterns.ts';
import { type KeyPattern, parseTemplate, type Template } from '../kernel/key-pattern.ts';
import type { Rate } from '../kernel/token-bucket.ts';
import type { EntryStore } from '../keyspace/entry-store.ts';
import { Fetches } from '../keyspace/fetches.ts';
import { Keyspace } from '../keyspace/keyspace.ts';
import { Observer } from '../keyspace/observer.ts';
import { ReadThrough } from '../keyspace/read-through.ts';
import { createHttpOrigin } from '../origin/http/http-origin.ts';
import type { Origin } from '../origin/origin.ts';
import { DatabaseConnections } from '../origin/sql/database-connections.ts';
import { SqlOrigin } from '../origin/sql/sql-origin.ts';
import { tagOf } from '../store/decisions/tag.ts';
import type { StoreKeys } from '../store/keys.ts';
import type { Window } from '../store/ports.ts';
import type { NodeLog } from '../telemetry/log.ts';
import { composeFetchSpace, fetchSource } from './compose-fetch.ts';
import type { FetchByUrl } from './fetch-by-url.ts';

/** Everything of a node that comes from origins. */
export interface Reads {
  readonly readThrough: ReadThrough;
  /** All of them, those of fetches by URL too. */
  readonly keyspaces: readonly Keyspace[];
  /** Absent where nothing may be fetched by URL. */
  readonly fetchByUrl: FetchByUrl | undefined;
  /** The same for the HTTP face. */
  readonly fetchSource: FetchSource | undefined;
  readonly apis: Apis;
  /** Where rows that are written behind are read, by the patterns of their keyspaces. */
  readonly rowOrigins: ReadonlyMap<string, Origin>;
  /** Ends what is under way and lets go of all connections. */
  close(): Promise<void>;
}

export interface ReadsParts {
  readonly config: SluiceConfig;
  readonly store: EntryStore;
  readonly storeKeys: StoreKeys;
  /** Of the store, where it outlives this process. */
  readonly window: Window | undefined;
  /** Other nodes use the store too. */
  readonly isShared: boolean;
  readonly clock: Clock;
  readonly log: NodeLog;
}

interface KeyspaceParts extends ReadsParts {
  readonly apis: Apis;
  readonly outgoing: OutgoingHttp;
  readonly databases: DatabaseConnections;
}

type AnyKeyspace = SluiceConfig['keyspaces'][number];
type KeyspaceConfig = AnyKeyspace & { readonly origin: NonNullable<AnyKeyspace['origin']> };

function hasOrigin(written: AnyKeyspace): written is KeyspaceConfig {
  return written.origin !== undefined;
}

/** Fetches of a node at a time, those that wait included. */
const MAX_FETCHES = 100_000;
/** A store that cannot keep what was fetched is told of once in so long. */
const UNKEPT_EVERY_MS = 10_000;

/**
 * What nodes that share a rate count is when they send a request, and the API counts when it comes: by so much the window is longer for all
 * of them together. One node alone knows better; its store tells it what was sent before it was started.
 */
const SHARED_MARGIN = 0.1;
const SHARED_MARGIN_MS = 100;

/** @throws SluiceError CONFIG_INVALID, NOT_SUPPORTED */
export async function composeReads(parts: ReadsParts): Promise<Reads> {
  const { config, store, storeKeys, window, isShared, clock } = parts;
  const apis = new Apis({
    clock,
    random: Math.random,
    sharedRate: window === undefined ? undefined : (api, rate) => sharedRate(window, api, rate, isShared),
  });
  const outgoing = new OutgoingHttp({ clock });
  const databases = new DatabaseConnections({ clock });
  const fetchSpace = composeFetchSpace(config, { apis, clock });
  const all = { ...parts, apis, outgoing, databases };
  const keyspaces = await composeKeyspaces(all);
  const rowOrigins = new Map(
    config.keyspaces
      .filter(hasOrigin)
      .filter(({ writeBehind }) => writeBehind !== undefined)
      .map((written) => [written.match, originOf(written, patternOf(written.match), all)]),
  );
  for (const { name } of apis) fetchSpace?.share(name);
  const fetches = new Fetches({ store, clock, tagOf, random: Math.random, limit: MAX_FETCHES, ...logOf(parts) });
  const readThrough = new ReadThrough({
    keyspaces,
    store,
    fetches,
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
  });
  const fetchByUrl = fetchSpace?.open(readThrough, storeKeys);
  return {
    readThrough,
    keyspaces: fetchSpace === undefined ? keyspaces : [...keyspaces, fetchSpace.keyspace],
    fetchByUrl,
    fetchSource: fetchByUrl === undefined ? undefined : fetchSource(fetchByUrl),
    apis,
    rowOrigins,
    async close() {
      fetches.close();
      const origins = [...keyspaces.map(({ origin }) => origin), ...rowOrigins.values(), fetchSpace?.keyspace.origin];
      await Promise.all(origins.map(async (origin) => origin?.close()));
      await Promise.all([outgoing.close(), databases.close()]);
    },
  };
}

async function composeKeyspaces(parts: KeyspaceParts): Promise<Keyspace[]> {
  const { config, databases } = parts;
  for (const [name, connection] of Object.entries(config.connections)) {
    if (connection.kind !== 'database') continue;
    const { url, maxConnections, connectTimeout } = connection;
    await databases.open({ name, url, maxConnections, connectTimeout });
  }
  const unordered = config.keyspaces
    .filter(hasOrigin)
    .filter(({ writeBehind }) => writeBehind === undefined)
    .map((one) => ({ written: one, pattern: patternOf(one.match) }));
  return orderPatterns(unordered).map(({ written, pattern }) => {
    const { match, mode, ttl, grace, refreshAhead, negativeTtl, errorTtl, timeout } = written;
    const [seed0 = 0, seed1 = 0] = getRandomValues(new Int32Array(2));
    const observer = mode === 'observe' ? new Observer(ttl, [seed0, seed1]) : undefined;
    const policy = { ttl, grace, refreshAhead, negativeTtl, errorTtl, timeout };
    return new Keyspace({ match, pattern, policy, origin: originOf(written, pattern, parts), observer });
  });
}

function sharedRate(window: Window, api: string, { count, per }: Rate, isShared: boolean): SharedRate {
  const limit = { limit: count, per: isShared ? Math.ceil(per * (1 + SHARED_MARGIN)) + SHARED_MARGIN_MS : per };
  return { take: () => window.rolling(`origin:${api}`, limit) };
}

function originOf(
  written: KeyspaceConfig,
  pattern: KeyPattern,
  { apis, outgoing, databases, clock }: KeyspaceParts,
): Origin {
  const { match, origin, maxValueBytes, timeout } = written;
  try {
    if (origin.sql !== undefined) {
      return new SqlOrigin({
        database: databases.require(origin.connection as string),
        sql: origin.sql,
        captures: pattern.names,
        ...(origin.column === undefined ? {} : { column: origin.column }),
        maxValueBytes,
      });
    }
    const { method, headers, body, pointer, accept, absent, cacheControl, retries, concurrency, rate, queue } = origin;
    return createHttpOrigin({
      clock,
      apis,
      outgoing,
      url: templateOf(origin.http as string, pattern),
      method,
      headers,
      body: body === undefined ? undefined : templateOf(body, pattern),
      pointer,
      accept,
      absent,
      cacheControl,
      retries,
      limits: { concurrency, rate, queue },
      maxValueBytes,
      timeout,
    });
  } catch (error) {
    if (!isSluiceError(error)) throw error;
    throw new SluiceError('CONFIG_INVALID', `keyspace ${JSON.stringify(match)}: ${error.message}`, {
      cause: error,
    });
  }
}

/** The configuration was checked for it. */
function templateOf(text: string, pattern: KeyPattern): Template {
  return parseTemplate(text, pattern.names) as Template;
}

/** One line when an origin begins to fail and one when it answers again; what cannot be kept now and then. */
function logOf({
  log,
  clock,
}: ReadsParts): Pick<ConstructorParameters<typeof Fetches>[0], 'onOriginState' | 'onUnkept'> {
  const part = log.part('keyspace');
  let toldAt = Number.NEGATIVE_INFINITY;
  let unkept = 0;
  return {
    onOriginState: ({ name, origin }, error) => {
      const fields = { keyspace: name, origin: origin.name };
      if (error === undefined) part.info(fields, 'the origin answers again');
      else part.warn({ ...fields, reason: error.message }, 'the origin fails');
    },
    onUnkept: ({ name }, error) => {
      unkept++;
      if (clock.monotonic() - toldAt < UNKEPT_EVERY_MS) return;
      part.warn({ keyspace: name, unkept, err: error }, 'the store could not keep what was fetched; it was given out');
      toldAt = clock.monotonic();
      unkept = 0;
    },
  };
}
