import { z } from 'zod';
import { byteSizeForm, parseByteSize } from '../kernel/bytesize.ts';
import { durationForm, parseDuration } from '../kernel/duration.ts';
import { addressForm, parseAddress } from './address.ts';
import { parseSecret, secretForm } from './secret.ts';
import {
  byteSizeSetting,
  choiceSetting,
  countSetting,
  durationSetting,
  flagSetting,
  parsedText,
  settingRegistry,
  textSetting,
} from './setting.ts';
import { parseStore, type Store, storeForm } from './store-url.ts';

/** How much is logged; each level includes those after it. */
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const nonEmpty = (text: string): string | undefined => (text === '' || text.includes('\0') ? undefined : text);

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

const listenerTls = z.strictObject({
  cert: parsedText('the path of a PEM file', nonEmpty).register(settingRegistry, {
    description: 'PEM file with the certificate of the listener and its chain.',
    form: 'the path of a PEM file',
    kind: 'text',
    reloadable: false,
    isPath: true,
  }),
  key: parsedText('the path of a PEM file', nonEmpty).register(settingRegistry, {
    description: 'PEM file with the private key of that certificate.',
    form: 'the path of a PEM file',
    kind: 'text',
    reloadable: false,
    isPath: true,
  }),
  ca: parsedText('the path of a PEM file', nonEmpty).optional().register(settingRegistry, {
    description: 'PEM file with the authorities that sign client certificates.',
    form: 'the path of a PEM file',
    kind: 'text',
    reloadable: false,
    isPath: true,
    defaultText: 'the authorities of Node',
  }),
  requestClientCert: flagSetting(false, {
    description: 'Accept only clients with a certificate signed by `ca`.',
  }),
});

function listener(defaultAddress: string, what: string) {
  return z
    .strictObject({
      address: textSetting(
        defaultAddress,
        {
          description: `${what} \`off\`: not started. Without \`users\` only loopback addresses are accepted.`,
          form: addressForm,
          isShortForm: true,
        },
        parseAddress,
      ),
      tls: listenerTls.optional(),
    })
    .prefault({})
    .transform(({ address, tls }) => (address === 'off' ? undefined : { address, tls }));
}

const user = z.strictObject({
  name: parsedText('a name of 1 to 128 letters, digits and -_.@', (text) =>
    /^[A-Za-z0-9_.@-]{1,128}$/.test(text) ? text : undefined,
  ),
  secret: z.string({ error: () => `expected ${secretForm}` }).transform((written, context) => {
    const secret = parseSecret(written);
    if (secret !== undefined) return secret.hash;
    // The text is not repeated: it may be a secret with a typing error before it.
    context.issues.push({ code: 'custom', message: `expected ${secretForm}`, input: '' });
    return z.NEVER;
  }),
  namespaces: z
    .array(z.enum(['compat'], { error: () => 'expected compat' }), { error: () => 'expected a list of namespaces' })
    .prefault([]),
});

const users = z
  .array(user, { error: () => 'expected a list of { name, secret }' })
  .superRefine((list, context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of list.entries()) {
      if (seen.has(name))
        context.addIssue({ code: 'custom', path: [index, 'name'], message: 'the name is used twice' });
      seen.add(name);
    }
  })
  .prefault([])
  .register(settingRegistry, {
    description:
      'Who may use the listeners: a list of `{ name, secret, namespaces }`. `secret` is a `scrypt:` hash as `sluice hash-secret` prints it, ' +
      '`sha256:` with 64 hexadecimal digits, or the secret itself, which belongs into the environment (`"$' +
      '{NAME}"`). ' +
      'The user named `default` is the one of `AUTH secret` without a name. `namespaces: [compat]` grants the keys of the gateway ' +
      '(`apikey-…`, `orgkey.…`, `analytics-…` and their like). Without users no credentials are asked for, and only this machine is served.',
    form: 'a list of { name, secret }',
    kind: 'structure',
    reloadable: true,
    secret: true,
    defaultText: 'none',
  });

const log = z
  .strictObject({
    level: choiceSetting(logLevels, 'info', {
      description: 'The least important level that is logged.',
      reloadable: true,
    }),
    format: choiceSetting(['json', 'pretty', 'text'], 'json', {
      description: '`json`: one object a line. `text`: one plain line each. `pretty`: the same with colours.',
    }),
    file: parsedText('the path of a file', nonEmpty).optional().register(settingRegistry, {
      description: 'File to append the log to.',
      form: 'the path of a file',
      kind: 'text',
      reloadable: false,
      isPath: true,
      defaultText: 'standard output',
    }),
    levels: z
      .record(
        z
          .string()
          .regex(/^[a-z][a-z0-9-]{0,31}$/, { error: () => 'expected the name of a part, such as http or store' }),
        z.enum(logLevels, { error: () => `expected one of ${logLevels.join(', ')}` }),
        { error: () => 'expected a mapping of parts to levels' },
      )
      .prefault({})
      .register(settingRegistry, {
        description: 'Other levels for single parts, e.g. `{ http: debug, store: warn }`.',
        form: 'a mapping of parts to levels, such as { http: debug }',
        kind: 'structure',
        reloadable: true,
        defaultText: 'none',
      }),
  })
  .prefault({});

const httpLimits = z
  .strictObject({
    headerBytes: byteSizeSetting('16KiB', {
      description: 'All header lines of one request together; more is answered with status 431.',
      min: '1KiB',
      max: '1MiB',
    }),
    headerCount: countSetting(100, {
      description: 'Header lines of one request; more is answered with status 431.',
      min: 10,
      max: 10_000,
    }),
    targetBytes: byteSizeSetting('8KiB', {
      description: 'The request target (path and query); longer ones are answered with status 414.',
      min: '256B',
      max: '1MiB',
    }),
    bodyBytes: byteSizeSetting('64MiB', {
      description: 'The body of one request; larger ones are answered with status 413.',
      min: '1KiB',
      max: '256MiB',
    }),
    headerTimeout: durationSetting('10s', {
      description: 'From the first byte of a request to the end of its headers; later is answered with status 408.',
      min: '100ms',
      max: '1h',
    }),
    requestTimeout: durationSetting('60s', {
      description: 'From the first byte of a request to the end of its body; later is answered with status 408.',
      min: '100ms',
      max: '1d',
    }),
    idleTimeout: durationSetting('75s', {
      description: 'How long a keep-alive connection may wait for its next request.',
      min: '100ms',
      max: '1d',
    }),
    stallTimeout: durationSetting('30s', {
      description: 'How long a client may take none of a response that waits for it before the connection is closed.',
      min: '100ms',
      max: '1d',
    }),
  })
  .prefault({});

const respLimits = z
  .strictObject({
    bulkBytes: byteSizeSetting('64MiB', {
      description: 'One argument of a command, and with it the largest value.',
      min: '1KiB',
      max: '256MiB',
    }),
    arguments: countSetting(1_048_576, { description: 'Arguments of one command.', min: 16, max: 4_194_304 }),
    queryBytes: byteSizeSetting('256MiB', {
      description:
        'Bytes of commands of one client that are received but not yet executed, one whole command included.',
      min: '64KiB',
      max: '1GiB',
    }),
    outputBytes: z
      .strictObject({
        normal: byteSizeSetting('256MiB', {
          description: 'Replies of one client waiting to be taken; a client above it is closed.',
          min: '64KiB',
          max: '4GiB',
        }),
        pubsub: byteSizeSetting('32MiB', {
          description: 'The same for a client with subscriptions.',
          min: '64KiB',
          max: '4GiB',
        }),
      })
      .prefault({}),
    idleTimeout: durationSetting('0', {
      description: 'How long a client without subscriptions may stay silent; 0: for ever.',
    }),
  })
  .prefault({});

const filePath = 'the path of a PEM file';
const pemFile = (description: string, defaultText: string) =>
  parsedText(filePath, nonEmpty).optional().register(settingRegistry, {
    description,
    form: filePath,
    kind: 'text',
    reloadable: false,
    isPath: true,
    defaultText,
  });
const optionalText = (description: string, secret = false) =>
  parsedText('a text', nonEmpty).optional().register(settingRegistry, {
    description,
    form: 'a text',
    kind: 'text',
    reloadable: false,
    secret,
    defaultText: 'none',
  });

const upstream = z
  .strictObject({
    opsInFlight: countSetting(1024, {
      description: 'Commands under way to one server at a time, over all shared connections; more wait.',
      min: 1,
      max: 1_000_000,
    }),
    maxQueued: countSetting(16_384, {
      description:
        'Commands that wait beyond those; more, and more than 256 MiB together, are refused (`SLUICE_OVERLOADED`, status 503).',
      min: 0,
      max: 10_000_000,
    }),
    dedicated: countSetting(256, {
      description:
        'Connections to one server for clients that need one of their own: transactions, blocking commands, subscriptions. More are refused.',
      min: 1,
      max: 100_000,
    }),
    timeout: durationSetting('5s', {
      description:
        'How long a server may owe a reply and send nothing before its connection counts as dead. Blocking commands are exempt.',
      min: '50ms',
      max: '1h',
    }),
    connectTimeout: durationSetting('2s', {
      description: 'Until a new connection to a server must be usable.',
      min: '10ms',
      max: '5m',
    }),
    retryFor: durationSetting('1s', {
      description:
        'How long a read may wait for a lost connection to come back, and be sent again. Writes are never sent twice.',
      max: '5m',
    }),
    heartbeat: durationSetting('1s', {
      description:
        'Nothing cached is taken for fresh when the link that tells of changes has not answered for so long.',
      min: '50ms',
      max: '5m',
    }),
    namespace: textSetting(
      'sluice',
      {
        description:
          "What the names of Sluice's own keys in the store begin with, followed by a colon; clients cannot reach them.",
        form: 'letters, digits and -_. (1 to 64)',
      },
      (text) => (/^[A-Za-z0-9_.-]{1,64}$/.test(text) ? text : undefined),
    ),
    tls: z
      .strictObject({
        ca: pemFile(
          'PEM file with the authorities that sign the certificates of the servers.',
          'the authorities of Node',
        ),
        cert: pemFile('PEM file with the certificate this node shows to the servers.', 'none'),
        key: pemFile('PEM file with the private key of that certificate.', 'none'),
        serverName: optionalText('The name the certificates of the servers must have, where it is not the host.'),
      })
      .prefault({}),
    sentinel: z
      .strictObject({
        username: optionalText('The user of this node at the Sentinels.'),
        password: optionalText('The password of this node at the Sentinels.', true),
      })
      .prefault({}),
  })
  .prefault({});

const cachePolicies = ['s3-fifo', 'lru', 'lfu', 'ttl', 'random', 'noeviction'] as const;
const globsForm = 'a glob or a list of globs, such as user:*';

const cache = z
  .strictObject({
    enabled: flagSetting(true, { description: 'Keep values of the store here and answer reads from them.' }),
    match: z
      .union([z.string(), z.array(z.string())], { error: () => `expected ${globsForm}` })
      .transform((written) => (typeof written === 'string' ? [written] : written))
      .prefault('*')
      .register(settingRegistry, {
        description: 'Which keys are kept; a list of globs, any of which may match.',
        form: globsForm,
        kind: 'list',
        reloadable: false,
        defaultText: '`*`, all keys',
      }),
    maxEntries: countSetting(100_000, {
      description: 'Keys kept at a time.',
      min: 1,
      max: 50_000_000,
      reloadable: true,
    }),
    maxBytes: byteSizeSetting('256MiB', {
      description: 'Memory for them, with all that belongs to them.',
      min: '64KiB',
      max: '1TiB',
      reloadable: true,
    }),
    maxEntryBytes: byteSizeSetting('1MiB', {
      description: 'Values above this are passed on and not kept.',
      min: '64B',
      max: '256MiB',
    }),
    ttl: durationSetting('0', {
      description: 'How long a value may be kept at most; 0: as long as the store keeps it.',
      reloadable: true,
    }),
    idle: durationSetting('0', {
      description: 'A value nobody has read for so long is dropped; 0: never.',
      reloadable: true,
    }),
    grace: z
      .union([z.literal(0), z.string()])
      .transform((written, context) => {
        const value = parseDuration(String(written));
        if (value !== undefined) return value;
        context.issues.push({ code: 'custom', message: `expected ${durationForm}`, input: written });
        return z.NEVER;
      })
      .optional()
      .register(settingRegistry, {
        description:
          'How long kept values may be given out while the store is away and nothing can prove them. Not set: 1 minute over HTTP, where ' +
          '`Cache-Status` says so, and not at all over RESP, which cannot say so.',
        form: durationForm,
        kind: 'text',
        reloadable: true,
        defaultText: '1m over HTTP, none over RESP',
      }),
    policy: choiceSetting(cachePolicies, 's3-fifo', {
      description:
        'Which key makes room when the cache is full. `s3-fifo`: one that was read once only, then the longest not read. `lru`, `lfu`, ' +
        '`ttl`, `random`: as Redis means them. `noeviction`: new keys are not kept.',
    }),
    server: z
      .strictObject({
        maxMemory: z
          .string()
          .transform((written, context) => {
            const bytes = parseByteSize(written);
            if (bytes !== undefined) return bytes;
            context.issues.push({ code: 'custom', message: `expected ${byteSizeForm}`, input: written });
            return z.NEVER;
          })
          .optional()
          .register(settingRegistry, {
            description: 'Set as `maxmemory` of the server when Sluice connects.',
            form: byteSizeForm,
            kind: 'text',
            reloadable: false,
            defaultText: 'the server is left as it is',
          }),
        maxMemoryPolicy: parsedText('a policy of Redis, such as allkeys-lru', (text) =>
          /^(?:noeviction|(?:allkeys|volatile)-(?:lru|lfu|random)|volatile-ttl)$/.test(text) ? text : undefined,
        )
          .optional()
          .register(settingRegistry, {
            description: 'Set as `maxmemory-policy` of the server when Sluice connects.',
            form: 'a policy of Redis, such as allkeys-lru',
            kind: 'text',
            reloadable: false,
            defaultText: 'the server is left as it is',
          }),
      })
      .prefault({}),
  })
  .prefault({});

/** The configuration of Sluice as it is written; every default, bound and description stands here and nowhere else. */
export const configSchema = z.strictObject({
  store,
  data: textSetting(
    './sluice-data',
    {
      description: 'Folder of the embedded store; made when it does not exist. One process owns it at a time.',
      form: 'the path of a folder',
      isPath: true,
    },
    nonEmpty,
  ),
  durability: choiceSetting(['memory', 'commit', 'fsync'], 'commit', {
    description:
      'What a write acknowledged by the embedded store survives. `memory`: nothing (it is written to disk soon after). ' +
      '`commit`: the end of the process, also by kill -9. `fsync`: also the loss of power. It does not apply to a store on other ' +
      'machines: what that promises is told by `sluice check --store`.',
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
  http: listener('127.0.0.1:8080', 'Where keys are served over HTTP.'),
  resp: listener('127.0.0.1:6380', 'Where keys are served over the protocol of Redis.'),
  admin: listener('127.0.0.1:8081', 'Where health, metrics and administration are served.'),
  users,
  insecure: flagSetting(false, {
    description: 'Accept addresses other machines can reach although no `users` are configured.',
  }),
  limits: z
    .strictObject({
      maxConnections: countSetting(10_000, {
        description: 'Open connections of each listener; more are refused.',
        min: 1,
        max: 1_000_000,
      }),
      http: httpLimits,
      resp: respLimits,
    })
    .prefault({}),
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
export type ListenerConfig = NonNullable<SluiceConfig['http']>;

/** A configuration as code writes it: the same keys and forms as in the file (`'10s'`, `'64MiB'`), all optional. */
export type SluiceConfigInput = Frozen<Omit<Written, (typeof listenerNames)[number]>> & {
  readonly [Name in (typeof listenerNames)[number]]?: Frozen<WrittenListener>;
};
