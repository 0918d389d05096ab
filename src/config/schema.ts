import { z } from 'zod';
import { byteSizeForm, parseByteSize } from '../kernel/bytesize.ts';
import { cache } from './schema-cache.ts';
import { connections } from './schema-connections.ts';
import { fetchByUrl } from './schema-fetch.ts';
import { keyspaces } from './schema-keyspaces.ts';
import { limits } from './schema-limits.ts';
import { httpListener, listener } from './schema-listeners.ts';
import { log } from './schema-log.ts';
import { upstream } from './schema-upstream.ts';
import { aclFile, tokens, users } from './schema-users.ts';
import {
  byteSizeSetting,
  choiceSetting,
  durationSetting,
  flagSetting,
  nonEmpty,
  settingRegistry,
  textSetting,
} from './setting.ts';
import { parseStore, type Store, storeForm } from './store-url.ts';

const store = z
  .string({ error: () => `expected ${storeForm}` })
  .transform((written, context) => {
    const parsed = parseStore(written);
    if (typeof parsed === 'string' || !('problem' in parsed)) return parsed;
    // The text is not repeated: it may hold a password.
    context.issues.push({ code: 'custom', message: `${parsed.problem}; expected ${storeForm}`, input: '' });
    return z.NEVER;
  })
  .prefault('embedded')
  .register(settingRegistry, {
    description:
      'Where keys are kept. `embedded`: in this process and in the folder `data`. `memory`: in this process only. Otherwise in Redis, ' +
      'Valkey or what speaks their protocol: `HOST:PORT` or `redis://…` one server, `redis+sentinel://…` the primary that Sentinels name, ' +
      '`redis+cluster://…` a cluster; `rediss…` over TLS. Name and password are percent-encoded; keep them in the environment ' +
      '(`"redis://:$' +
      '{REDIS_PASSWORD}@redis.example.com"`).',
    form: storeForm,
    kind: 'text',
    reloadable: false,
    secret: true,
    defaultText: 'embedded',
  });

/** The configuration of Sluice as it is written; every default, bound and description stands here, in `schema-*.ts`, and nowhere else. */
export const configSchema = z.strictObject({
  store,
  data: textSetting(
    './sluice-data',
    {
      description:
        'Folder of the embedded store, and of the buffer beside a Redis store (`writeBehind.buffer`); made when it does not exist. One process owns it at a time.',
      form: 'the path of a folder',
      isPath: true,
    },
    nonEmpty,
  ),
  durability: choiceSetting(['memory', 'commit', 'fsync'], 'commit', {
    description:
      'What a write acknowledged by the embedded store survives. `memory`: nothing (it is written to disk soon after). ' +
      '`commit`: the end of the process, also by kill -9. `fsync`: also the loss of power. It does not apply to a store on other ' +
      'machines (but to the buffer beside it): what that promises is told by `sluice check --store`.',
  }),
  maxBytes: z
    .union([z.literal(0), z.string()], { error: () => `expected auto or ${byteSizeForm}` })
    .transform((written, context) => {
      const bytes = written === 'auto' ? written : parseByteSize(String(written));
      // Less than this does not even hold the tables of an empty store.
      if (bytes === 'auto' || (bytes !== undefined && bytes >= 1024 * 1024)) return bytes;
      context.issues.push({
        code: 'custom',
        message: `expected auto or ${byteSizeForm}, at least 1MiB`,
        input: written,
      });
      return z.NEVER;
    })
    .prefault('auto')
    .register(settingRegistry, {
      description:
        'Bound on the data the embedded store holds in memory; for what is kept of a store on other machines see `cache`. At the bound writes that add data are refused (`OOM`, status 507); reads and deletes go on. ' +
        '`auto`: half of the memory this process may use.',
      form: `auto or ${byteSizeForm}, at least 1MiB`,
      kind: 'text',
      reloadable: true,
    }),
  checkpoint: z
    .strictObject({
      logBytes: byteSizeSetting('64MiB', {
        description:
          'How long the journal of the embedded store grows before it is folded into the stored keys and trimmed.',
        min: '1MiB',
        max: '64GiB',
      }),
    })
    .prefault({}),
  upstream,
  cache,
  connections,
  keyspaces,
  fetch: fetchByUrl,
  http: httpListener('127.0.0.1:8080', 'Where keys are served over HTTP.'),
  resp: listener('127.0.0.1:6380', 'Where keys are served over the protocol of Redis.'),
  admin: listener('127.0.0.1:8081', 'Where health, metrics and administration are served.'),
  users,
  tokens,
  aclFile,
  insecure: flagSetting(false, {
    description: 'Accept addresses other machines can reach although no `users`, `tokens` or `aclFile` are configured.',
  }),
  limits,
  log,
  shutdownTimeout: durationSetting('10s', {
    description:
      'How long requests in flight may take to end after a signal to stop; then their connections are closed.',
    reloadable: true,
    max: '1h',
  }),
});

type Frozen<T> = T extends Uint8Array
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Frozen<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Frozen<T[Key]> }
      : T;

type Parsed = z.output<typeof configSchema>;
type Written = z.input<typeof configSchema>;
type WrittenListener = string | Exclude<Written['http'], undefined>;

/** The names of the listeners, which are also their keys in the configuration. */
export const listenerNames = ['http', 'resp', 'admin'] as const;

/**
 * A validated configuration, frozen: durations in milliseconds, sizes in bytes, paths absolute, defaults filled in.
 * A listener that is `off` is undefined.
 */
export type SluiceConfig = Frozen<Omit<Parsed, 'maxBytes' | 'store'>> & {
  readonly store: Store;
  /** Never `auto`: that has become a number. */
  readonly maxBytes: number;
};

/** Where and how one listener is bound. */
export type ListenerConfig = NonNullable<SluiceConfig['resp']>;

/** A configuration as code writes it: the same keys and forms as in the file (`'10s'`, `'64MiB'`), all optional. */
export type SluiceConfigInput = Frozen<Omit<Written, (typeof listenerNames)[number]>> & {
  readonly [Name in (typeof listenerNames)[number]]?: Frozen<WrittenListener>;
};
