import { z } from 'zod';
import { choiceSetting, countSetting, flagSetting, nonEmpty, parsedText, settingRegistry } from './setting.ts';

/** How much is logged; each level includes those after it. */
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** A line for each request. */
const accessLog = z
  .strictObject({
    enabled: flagSetting(false, {
      description:
        'Write a line for each HTTP request: who, from where, what, the status, bytes and time. Values of query parameters are hidden, but ' +
        'for a few such as `ttl`; credentials, cookies and bodies are never written.',
    }),
    file: parsedText('the path of a file', nonEmpty).optional().register(settingRegistry, {
      description: 'File to append these lines to; a reload opens it anew, so that it may be moved away before.',
      form: 'the path of a file',
      kind: 'text',
      reloadable: false,
      isPath: true,
      defaultText: 'standard output',
    }),
    format: choiceSetting(['json', 'combined'], 'json', {
      description: '`json`: one object a line. `combined`: as web servers write it, without the referrer.',
    }),
    sample: countSetting(1, {
      description:
        'One of so many requests gets a line; 1: each. Those that fail with a status of 500 or more always do.',
      min: 1,
      max: 1_000_000,
    }),
    keys: choiceSetting(['plain', 'hashed', 'off'], 'plain', {
      description:
        'How keys in the path appear, which may name people. `hashed`: the same key has the same hash until the process ends. `off`: not at all.',
    }),
  })
  .prefault({});

/** Who changed what. */
const auditLog = z
  .strictObject({
    file: parsedText('the path of a file', nonEmpty).optional().register(settingRegistry, {
      description:
        'File to append a line to for each change by an administrator: users, settings, reloads, backups, purges, `FLUSHALL`. A reload opens it anew.',
      form: 'the path of a file',
      kind: 'text',
      reloadable: false,
      isPath: true,
      defaultText: 'the ordinary log, as part `audit`',
    }),
  })
  .prefault({});

/** What is told of what happens, and where. */
export const log = z
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
    access: accessLog,
    audit: auditLog,
  })
  .prefault({});
