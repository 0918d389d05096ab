import { CommandError } from '../command/command-error.ts';
import type { Settings } from '../command/server.ts';
import type { SluiceConfig } from '../config/schema.ts';
import { parseByteSize } from '../kernel/bytesize.ts';
import type { Engine } from '../store/engine/engine.ts';

/** Redis's names for what Sluice has settings for; `maxmemory` may be set while running. */
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
      'tcp-keepalive',
      'port',
      'bind',
    ];
  }

  set(name: string, value: string): void {
    if (name !== 'maxmemory') {
      const known = this.names().includes(name);
      throw new CommandError(
        known
          ? `ERR CONFIG SET failed (possibly related to argument '${name}') - can't set immutable config`
          : `ERR Unknown option or number of arguments for CONFIG SET - '${name}'`,
      );
    }
    const bytes = /^\d+$/.test(value) ? Number(value) : parseByteSize(value);
    if (bytes === undefined || !Number.isSafeInteger(bytes) || bytes < 1) {
      throw new CommandError(
        `ERR CONFIG SET failed (possibly related to argument '${name}') - argument must be a memory value`,
      );
    }
    this.#engine.maxBytes = bytes;
  }
}
