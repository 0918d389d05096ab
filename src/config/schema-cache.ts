import { z } from 'zod';
import { byteSizeForm, parseByteSize } from '../kernel/bytesize.ts';
import { durationForm, parseDuration } from '../kernel/duration.ts';
import {
  byteSizeSetting,
  choiceSetting,
  countSetting,
  durationSetting,
  flagSetting,
  parsedText,
  settingRegistry,
} from './setting.ts';

const cachePolicies = ['s3-fifo', 'lru', 'lfu', 'ttl', 'random', 'noeviction'] as const;
const globsForm = 'a glob or a list of globs, such as user:*';

/** What is kept here of a store on other machines. */
export const cache = z
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
