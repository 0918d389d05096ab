import { z } from 'zod';
import { choiceSetting, countSetting, durationSetting, nonEmpty, parsedText } from './setting.ts';

const columnForm = 'the name of a column';
const column = () => parsedText(columnForm, nonEmpty);

/** From when on `/hello` warns; 0 switches one off. */
const alarm = z
  .strictObject({
    lag: durationSetting('1m', { description: 'How long a row may wait.' }),
    pending: countSetting(80, { description: 'How full it may be, percent of maxPending.', min: 0, max: 100 }),
    deadLetters: countSetting(1, { description: 'From so many dead letters on.', min: 0, max: 100_000 }),
  })
  .prefault({});

/** Keys that are written to a database later. */
export const writeBehind = z
  .strictObject({
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
          .transform((names) => Object.fromEntries(names.map((name) => [name, name]))),
        z.record(z.string(), column()),
      ],
      { error: () => 'expected a list of columns, or a mapping of fields to columns' },
    ),
    version: column().prefault('sluice_version'),
    minDelay: durationSetting('1s', { description: 'How long a row waits at least.' }),
    maxDelay: durationSetting('5s', { description: 'How long a row waits at most.', min: '10ms', max: '1d' }),
    maxBatch: countSetting(1000, { description: 'Rows written at a time.', min: 1, max: 5000 }),
    maxPending: countSetting(1_000_000, { description: 'Rows that wait; more are refused.', min: 1, max: 100_000_000 }),
    ack: choiceSetting(['store', 'memory'], 'store', { description: 'What a write waits for.' }),
    timeout: durationSetting('10s', { description: 'How long a batch may take.', min: '10ms', max: '10m' }),
    alarm,
  })
  .superRefine(({ minDelay, maxDelay, key, columns, version }, context) => {
    const problem = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (minDelay > maxDelay) problem('minDelay', 'expected no more than maxDelay');
    const all = [...key, ...Object.values(columns), version];
    const twice = all.find((name, at) => all.indexOf(name) !== at);
    if (twice !== undefined) problem('columns', `the column ${JSON.stringify(twice)} is written twice`);
  });
