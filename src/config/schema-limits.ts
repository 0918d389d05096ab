import { z } from 'zod';
import { byteSizeSetting, countSetting, durationSetting } from './setting.ts';

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

/** What clients may ask for and take up. */
export const limits = z
  .strictObject({
    maxConnections: countSetting(10_000, {
      description: 'Open connections of each listener; more are refused.',
      min: 1,
      max: 1_000_000,
    }),
    http: httpLimits,
    resp: respLimits,
  })
  .prefault({});
