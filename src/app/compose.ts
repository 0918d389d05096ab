import { diffReloadable } from '../config/diff.ts';
import type { SluiceConfig } from '../config/schema.ts';
import { Credentials, type UserOptions } from '../guard/credentials.ts';
import type { Clock } from '../kernel/clock.ts';
import type { KeyValue } from '../store/ports.ts';
import { NodeLog } from '../telemetry/log.ts';
import { composeEngine } from './compose-engine.ts';
import { composeFront } from './compose-front.ts';
import { listen } from './listen.ts';
import { systemClock } from './system-clock.ts';

/** What a reload came to: settings now in effect, and settings that wait for a restart. */
export interface ReloadResult {
  readonly applied: readonly string[];
  readonly needRestart: readonly string[];
}

/** A node that runs. */
export interface RunningSluice {
  /** Where the listeners are bound, as HOST:PORT. */
  readonly addresses: { readonly http?: string; readonly resp?: string; readonly admin?: string };
  readonly dataDir?: string;
  /** Resolves once the data is loaded; rejects when it cannot be. */
  readonly ready: Promise<void>;
  /** The user keys. */
  readonly keys: KeyValue;
  reload(next: SluiceConfig): ReloadResult;
  /** Drains the listeners, makes everything durable, closes. */
  close(): Promise<void>;
}

/**
 * Starts a node: engine first, then the listeners, which answer "loading" until the data is there.
 * @throws SluiceError ADDRESS_IN_USE, ADDRESS_UNAVAILABLE, CONFIG_INVALID, DATA_LOCKED, DATA_DAMAGED, DATA_VERSION, DATA_UNAVAILABLE
 */
export async function startSluice(
  config: SluiceConfig,
  options: { readonly clock?: Clock } = {},
): Promise<RunningSluice> {
  const clock = options.clock ?? systemClock;
  const log = new NodeLog(config.log);
  const credentials = new Credentials(usersOf(config), () => clock.monotonic());
  const storeLog = log.part('store');
  const running = await composeEngine(config, clock, (message) => storeLog.warn(message));
  const front = await composeFront({ config, running, credentials, clock, log });
  const addresses: { http?: string; resp?: string; admin?: string } = {};
  let current = config;

  const close = async (): Promise<void> => {
    const signal = AbortSignal.timeout(current.shutdownTimeout);
    await Promise.all([front.http?.drain(signal), front.resp?.drain(signal)]);
    await running.close();
  };

  try {
    if (front.http !== undefined && config.http !== undefined)
      addresses.http = await listen('http', front.http.server, config.http);
    if (front.resp !== undefined && config.resp !== undefined)
      addresses.resp = await listen('resp', front.resp.server, config.resp);
  } catch (error) {
    await close();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    addresses,
    ...(running.dataDir === undefined ? {} : { dataDir: running.dataDir }),
    ready: running.ready,
    keys: running.keys,
    reload(next) {
      const { reloadable, needRestart, effective } = diffReloadable(current, next);
      running.engine.maxBytes = effective.maxBytes;
      credentials.replace(usersOf(effective));
      log.reload(effective.log);
      current = effective;
      return { applied: reloadable, needRestart };
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function usersOf(config: SluiceConfig): UserOptions[] {
  return config.users.map(({ name, secret, namespaces }) => ({ name, secret, compat: namespaces.includes('compat') }));
}
