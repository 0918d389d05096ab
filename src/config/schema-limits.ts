import { z } from 'zod';
import { parseRate, type Rate, rateForm } from '../kernel/token-bucket.ts';
import { byteSizeSetting, countSetting, durationSetting, parsedText, settingRegistry } from './setting.ts';

function rateSetting(description: string): z.ZodOptional<z.ZodType<Rate, string>> {
  return parsedText(rateForm, parseRate).optional().register(settingRegistry, {
    description,
    form: rateForm,
    kind: 'text',
    reloadable: true,
    defaultText: 'no bound',
  });
}

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
    loginTimeout: durationSetting('30s', {
      description:
        'How long a client may stay connected without having authenticated, where users are configured; 0: for ever.',
    }),
  })
  .prefault({});

const rate = z
  .strictObject({
    perUser: rateSetting(
      'Requests and commands of each user that has authenticated, over all of its connections and listeners; more are answered with status 429 or `SLUICE_RATE_LIMITED`.',
    ),
    perAddress: rateSetting(
      'The same for each address (IPv6: each /64), where nobody has authenticated: without `users`, before authentication, and for credentials that were refused.',
    ),
    burst: countSetting(0, {
      description: 'How many may come at once after a pause; 0: as many as the rate counts.',
      min: 0,
      max: 1_000_000,
      reloadable: true,
    }),
  })
  .prefault({});

const inFlight = z
  .strictObject({
    requests: countSetting(10_000, {
      description:
        'HTTP requests being answered at one time, over all connections; more are answered with status 503. One whose body is still coming is not counted. 0: no bound.',
      min: 0,
      max: 1_000_000,
      reloadable: true,
    }),
    bytes: byteSizeSetting('256MiB', {
      description:
        'Bodies of HTTP requests and commands of Redis clients that were received and not yet used, of all connections together. Beyond it those that hold most are answered with status 503 or `SLUICE_OVERLOADED` and closed. 0: no bound.',
      min: '0',
      max: '1TiB',
      reloadable: true,
    }),
  })
  .prefault({});

/** What clients may ask for and take up. */
export const limits = z
  .strictObject({
    maxConnections: countSetting(10_000, {
      description: 'Open connections of each listener; more are refused.',
      min: 1,
      max: 1_000_000,
    }),
    totalConnections: countSetting(0, {
      description:
        'Open connections of all listeners together; more are refused, but not by `admin`. 0: no bound but those of each listener.',
      min: 0,
      max: 1_000_000,
      reloadable: true,
    }),
    connectionsPerAddress: z.int().min(0).max(1_000_000).optional().register(settingRegistry, {
      description:
        'Open connections from one address (IPv6: one /64) to all listeners together; more are refused. 0: no bound. Behind a proxy or load balancer all clients have its address.',
      form: 'a whole number from 0 to 1000000',
      kind: 'number',
      reloadable: true,
      defaultText: '1000; no bound at listeners on loopback addresses',
    }),
    rate,
    inFlight,
    outputBytes: byteSizeSetting('256MiB', {
      description:
        'Answers that clients have not taken yet, of all connections together. Beyond it those with most are closed. 0: no bound.',
      min: '0',
      max: '1TiB',
      reloadable: true,
    }),
    http: httpLimits,
    resp: respLimits,
  })
  .prefault({});
