import { z } from 'zod';
import { parseRate, rateForm } from '../kernel/token-bucket.ts';
import { choiceSetting, countSetting, durationSetting, nonEmpty, parsedText } from './setting.ts';

const columnForm = 'the name of a column';
const column = () => parsedText(columnForm, nonEmpty);

/** From when on `/hello` warns; 0 switches one off. */
const alarm = z
  .strictObject({
    lag: durationSetting('1m', { description: 'How long a row may wait.' }),
    pending: countSetting(80, { description: 'How full it may be, percent of maxPending.', min: 0, max: 100 }),
    deadLetters: countSetting(1, { description: 'From so many dead letters on.', min: 0, max: 10_000_000 }),
  })
  .prefault({});

const rate = () => parsedText(rateForm, parseRate);
/** What a database is sent at most. */
const rateLimit = z
  .union(
    [
      rate().transform((rows) => ({ rows })),
      z.strictObject({ rows: rate().optional(), transactions: rate().optional() }),
    ],
    {
      error: () => `expected ${rateForm}, or { rows, transactions } with one each`,
    },
  )
  .prefault({});

const shapes = ['row', 'record', 'counter'] as const;
const atBound = ['shed', 'block', 'through', 'drop-oldest'] as const;
/** What the answer to a write waits for: what `durability` says, nothing, at least so much, or replicas of a Redis store. */
const acks = ['store', 'memory', 'commit', 'fsync', 'replica'] as const;

/** Keys that are written to a database later. */
export const writeBehind = z
  .strictObject({
    shape: choiceSetting(shapes, 'row', { description: 'What the keys are.' }),
    sink: parsedText('the name of a connection', nonEmpty),
    table: parsedText('the name of a table', nonEmpty),
    key: z.union([column().transform((name) => [name]), z.array(column()).min(1)], {
      error: () => 'expected the column of the key, or a list of one column for each capture',
    }),
    columns: z.union(
      [
        z
          .array(column())
          .min(1)
          .refine((names) => new Set(names).size === names.length, { error: () => 'expected each column once' })
          .transform((names) => Object.fromEntries(names.map((name) => [name, name]))),
        z.record(z.string(), column()),
      ],
      { error: () => 'expected a list of columns, or a mapping of fields to columns' },
    ),
    version: column().prefault('sluice_version'),
    id: column().prefault('sluice_id'),
    fence: parsedText('the name of a table', nonEmpty).optional(),
    minDelay: durationSetting('1s', { description: 'How long a row waits at least.' }),
    maxDelay: durationSetting('5s', { description: 'How long a row waits at most.', min: '10ms', max: '1d' }),
    maxBatch: countSetting(1000, { description: 'Rows written at a time.', min: 1, max: 5000 }),
    maxPending: countSetting(1_000_000, { description: 'Rows that wait; more are refused.', min: 1, max: 100_000_000 }),
    maxDeadLetters: countSetting(100_000, {
      description:
        'Rows set aside because they can never be written; with more, such rows wait, and in the end hold up the others.',
      min: 1,
      max: 10_000_000,
    }),
    onFull: choiceSetting(atBound, 'shed', { description: 'What becomes of more.' }),
    rateLimit,
    delete: choiceSetting(['remove', 'ignore'], 'remove', { description: 'Whether rows are removed.' }),
    ack: choiceSetting(acks, 'store', { description: 'What a write waits for.' }),
    ackReplicas: countSetting(1, { description: 'With replica: how many.', min: 1, max: 100 }),
    buffer: choiceSetting(['none', 'local'], 'none', {
      description: 'Where rows are accepted while the store is away.',
    }),
    timeout: durationSetting('10s', { description: 'How long a batch may take.', min: '10ms', max: '10m' }),
    alarm,
  })
  .superRefine((written, context) => {
    const { shape, minDelay, maxDelay, key, columns, version, id, onFull, ack, buffer, delete: deletes } = written;
    const problem = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (minDelay > maxDelay) problem('minDelay', 'expected no more than maxDelay');
    const isRecord = shape === 'record';
    if (onFull === 'drop-oldest' && !isRecord)
      problem('onFull', 'drop-oldest is for shape: record; the latest of a row counts');
    if (onFull === 'through' && isRecord)
      problem('onFull', 'through is for rows and counters; records keep their order');
    if (deletes === 'ignore' && shape !== 'row') problem('delete', 'delete belongs to shape: row');
    const unbuffered = isRecord
      ? 'records, which keep one order'
      : onFull === 'through'
        ? 'onFull: through, which writes from the store'
        : ack === 'replica'
          ? 'ack: replica, which only the store can wait for'
          : undefined;
    if (buffer === 'local' && unbuffered !== undefined) problem('buffer', `local is not for ${unbuffered}`);
    const all = [...key, ...Object.values(columns), isRecord ? id : version];
    const twice = all.find((name, at) => all.indexOf(name) !== at);
    if (twice !== undefined) problem('columns', `the column ${JSON.stringify(twice)} is written twice`);
  });
