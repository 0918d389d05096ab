import { z } from 'zod';
import { countSetting, durationSetting, nonEmpty, parsedText, settingRegistry, textSetting } from './setting.ts';

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

/** How the servers of a store on other machines are reached. */
export const upstream = z
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
