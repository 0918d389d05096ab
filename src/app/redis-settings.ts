import { CommandError } from '../command/command-error.ts';
import type { Settings } from '../command/server.ts';
import type { SluiceConfig } from '../config/schema.ts';
import type { Engine } from '../store/engine/engine.ts';

/** Redis's names for what Sluice has settings for; `maxmemory` may be set while running (0 = the setting `maxBytes` again). */
export class RedisSettings implements Settings {
  readonly #config: SluiceConfig;
  readonly #engine: Engine;

  constructor(config: SluiceConfig, engine: Engine) {
    this.#config = config;
    this.#engine = engine;
  }

  get(name: string): string | undefined {
    const { limits, durability, store } = this.#config;
    const { normal, pubsub } = limits.resp.outputBytes;
    switch (name) {
      case 'maxmemory':
        return String(this.#engine.maxBytes);
      case 'maxmemory-policy':
        return 'noeviction';
      case 'save':
        return '';
      case 'appendonly':
        return store === 'memory' ? 'no' : 'yes';
      case 'appendfsync':
        return durability === 'fsync' ? 'always' : 'no';
      case 'proto-max-bulk-len':
        return String(limits.resp.bulkBytes);
      case 'client-query-buffer-limit':
        return String(limits.resp.queryBytes);
      case 'client-output-buffer-limit':
        return `normal ${normal} 0 0 slave 0 0 0 pubsub ${pubsub} 0 0`;
      case 'maxclients':
        return String(limits.maxConnections);
      case 'timeout':
        return String(Math.round(limits.resp.idleTimeout / 1000));
      case 'databases':
        return '1';
      case 'cluster-enabled':
        return 'no';
      case 'tracking-table-max-keys':
        return '1000000';
      case 'tcp-keepalive':
        return '0';
      case 'port':
        return String(this.#config.resp?.address.port ?? 0);
      case 'bind':
        return this.#config.resp?.address.host ?? '';
      default:
        return undefined;
    }
  }

  names(): readonly string[] {
    return [
      'maxmemory',
      'maxmemory-policy',
      'save',
      'appendonly',
      'appendfsync',
      'proto-max-bulk-len',
      'client-query-buffer-limit',
      'client-output-buffer-limit',
      'maxclients',
      'timeout',
      'databases',
      'cluster-enabled',
      'tracking-table-max-keys',
      'tcp-keepalive',
      'port',
      'bind',
    ];
  }

  set(name: string, value: string): void {
    const current = this.get(name);
    if (current === undefined) {
      throw new CommandError(`ERR Unknown option or number of arguments for CONFIG SET - '${name}'`);
    }
    if (name !== 'maxmemory') {
      // Scripts set what they rely on; to agree with what is fixed is no error.
      if (value === current) return;
      throw new CommandError(
        `ERR CONFIG SET failed (possibly related to argument '${name}') - can't set immutable config`,
      );
    }
    const bytes = parseMemory(value);
    if (bytes === undefined) {
      throw new CommandError(
        `ERR CONFIG SET failed (possibly related to argument '${name}') - argument must be a memory value`,
      );
    }
    this.#engine.maxBytes = bytes === 0 ? this.#config.maxBytes : bytes;
  }
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1000 ** 2,
  mb: 1024 ** 2,
  g: 1000 ** 3,
  gb: 1024 ** 3,
};

/** Redis's memtoull: `100mb` is 100 * 1024 * 1024, `100m` 100 million. */
function parseMemory(text: string): number | undefined {
  const match = /^(\d+)([a-z]*)$/i.exec(text);
  const unit = UNITS[match?.[2]?.toLowerCase() ?? '?'];
  const bytes = Number(match?.[1]) * (unit ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
