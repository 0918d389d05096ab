import { z } from 'zod';
import { isSluiceError } from '../errors.ts';
import { parseJsonPointer } from '../http/json-pointer.ts';
import { utf8ToBytes } from '../kernel/bytes.ts';
import { comparePatterns } from '../kernel/compare-patterns.ts';
import { type KeyPattern, parseKeyPattern, parseTemplate } from '../kernel/key-pattern.ts';
import { parseRate, rateForm } from '../kernel/token-bucket.ts';
import { HeaderTemplates } from '../origin/http/request-template.ts';
import { UrlTemplate } from '../origin/http/url-template.ts';
import { writeBehind } from './schema-write-behind.ts';
import {
  byteSizeSetting,
  choiceSetting,
  countSetting,
  durationSetting,
  flagSetting,
  nonEmpty,
  parsedText,
  settingRegistry,
} from './setting.ts';

const MAX_KEYSPACES = 1000;

const statuses = (defaults: readonly number[]) =>
  z
    .array(z.int({ error: statusForm }).min(200, { error: statusForm }).max(599, { error: statusForm }), {
      error: () => 'expected a list of statuses such as [200]',
    })
    .max(400, { error: () => 'expected each status once' })
    .prefault([...defaults]);

const statusForm = (): string => 'expected a status from 200 to 599';

const originSettings = z.strictObject({
  http: z.string({ error: () => 'expected the URL of an HTTP origin' }).optional(),
  method: choiceSetting(['GET', 'POST'], 'GET', { description: 'Method of the request.' }),
  headers: z
    .record(
      z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: () => 'expected the name of a header field' }),
      z.string({ error: () => 'expected a text' }).regex(/^[\t\x20-\x7e\x80-\xff]*$/, {
        error: () => 'expected a text that a header field can hold',
      }),
      { error: () => 'expected a mapping of header fields' },
    )
    .prefault({}),
  body: z.string({ error: () => 'expected a text' }).optional(),
  pointer: parsedText('a JSON Pointer such as /data/name', (text) =>
    parseJsonPointer(text) === undefined ? undefined : text,
  ).optional(),
  accept: statuses([200]),
  absent: statuses([404, 410]),
  cacheControl: flagSetting(false, { description: "Honour the origin's Cache-Control." }),
  retries: countSetting(1, { description: 'Further tries of a request that may be repeated.', min: 0, max: 10 }),
  concurrency: countSetting(32, { description: 'Requests at a time.', min: 1, max: 10_000 }),
  rate: parsedText(rateForm, parseRate).optional(),
  queue: countSetting(1000, { description: 'Requests that wait for their turn.', min: 0, max: 100_000 }),
  sql: parsedText('a query', nonEmpty).optional(),
  connection: parsedText('the name of a connection', nonEmpty).optional(),
  column: parsedText('the name of a column', nonEmpty).optional(),
});

/** Settings that say nothing to a database. */
const httpOnly = [
  ...['method', 'headers', 'body', 'pointer', 'accept', 'absent', 'cacheControl'],
  ...['retries', 'concurrency', 'rate', 'queue'],
] as (keyof z.output<typeof originSettings>)[];
const withoutSettings = originSettings.parse({});

const origin = originSettings.superRefine((written, context) => {
  const problem = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
  const { http, sql, body, method, accept, absent, connection, column } = written;
  if ((http === undefined) === (sql === undefined)) {
    context.addIssue({ code: 'custom', message: 'expected an origin with either http (a URL) or sql (a query)' });
    return;
  }
  if (http === undefined) {
    if (connection === undefined) problem('sql', 'a query needs the connection it goes to: connection: NAME');
    for (const name of httpOnly) {
      const isGiven = JSON.stringify(written[name]) !== JSON.stringify(withoutSettings[name]);
      if (isGiven) problem(name, `${name} belongs to an origin of http`);
    }
    return;
  }
  if (connection !== undefined) problem('connection', 'connection belongs to an origin of sql');
  if (column !== undefined) problem('column', 'column belongs to an origin of sql');
  if (body !== undefined && method === 'GET') problem('body', 'a body needs method: POST');
  if (accept.length === 0) problem('accept', 'expected one status at least: without any there is never a value');
  const both = accept.find((status) => absent.includes(status));
  if (both !== undefined) problem('absent', `${both} is one of accept, too: a status means one thing`);
  for (const [name, value] of Object.entries(written.headers)) {
    const wrong = problemOf(() => new HeaderTemplates({ [name]: value }));
    if (wrong !== undefined) context.addIssue({ code: 'custom', path: ['headers', name], message: wrong });
  }
});

/** Why it cannot be made. */
function problemOf(make: () => unknown): string | undefined {
  try {
    make();
    return undefined;
  } catch (error) {
    if (!isSluiceError(error)) throw error;
    return error.message;
  }
}

const times = {
  ttl: durationSetting('1m', { description: 'How long a value is fresh.', min: '1ms' }),
  grace: durationSetting('0', { description: 'How long after ttl a value may be given out.' }),
  refreshAhead: durationSetting('0', { description: 'How long before the end of ttl a read has it fetched anew.' }),
  negativeTtl: durationSetting('10s', { description: 'How long it is remembered that there is none.' }),
  errorTtl: durationSetting('1s', {
    description: 'How long the origin is not asked again after a failure.',
    max: '1h',
  }),
  maxValueBytes: byteSizeSetting('1MiB', { description: 'The largest value.', min: '1KiB', max: '256MiB' }),
  timeout: durationSetting('5s', { description: 'How long a fetch may take.', min: '1ms', max: '1h' }),
};
const defaults = z.strictObject(times).parse({});
/** Settings that say nothing where nothing is read through, and where rows are. */
const readSettings = ['ttl', 'grace', 'refreshAhead', 'negativeTtl', 'errorTtl', 'maxValueBytes', 'timeout'] as const;
const cacheSettings = ['grace', 'refreshAhead', 'errorTtl'] as const;

const keyspace = z
  .strictObject({
    match: z.string({ error: () => 'expected a pattern of keys such as user:*' }).transform((written, context) => {
      const pattern = parseKeyPattern(utf8ToBytes(written));
      if (!('problem' in pattern)) return written;
      context.issues.push({ code: 'custom', message: pattern.problem, input: written });
      return z.NEVER;
    }),
    mode: choiceSetting(['read', 'observe'], 'read', {
      description: 'Whether values are kept, or reads only counted.',
    }),
    origin: origin.optional(),
    writeBehind: writeBehind.optional(),
    ...times,
  })
  .superRefine((written, context) => {
    const { match, mode, origin: from, writeBehind: behind, ttl, refreshAhead } = written;
    const problem = (path: string[], message: string): void => context.addIssue({ code: 'custom', path, message });
    if (from === undefined && behind === undefined) {
      const message = 'expected origin (values are read through) or writeBehind (rows are written later), or both';
      context.addIssue({ code: 'custom', message });
    }
    if (behind !== undefined) {
      const captures = patternOf(match).names.length;
      if (captures !== behind.key.length)
        problem(['writeBehind', 'key'], `expected one column for each of the ${captures} captures of match`);
      if (mode === 'observe' && behind.shape === 'record') problem(['mode'], 'records cannot be observed only');
      if (mode === 'observe' && behind.buffer === 'local')
        problem(['writeBehind', 'buffer'], 'what is only observed waits nowhere; leave out buffer');
      if (behind.shape === 'record' && from !== undefined)
        problem(['origin'], 'records are not read; leave out origin');
      for (const name of from === undefined ? readSettings : cacheSettings) {
        if (written[name] === defaults[name]) continue;
        const who = from === undefined ? 'keyspaces with an origin' : 'keyspaces without writeBehind';
        problem([name], `${name} belongs to ${who}`);
      }
    }
    const { http, body } = from ?? {};
    if (refreshAhead >= ttl) problem(['refreshAhead'], 'expected less than ttl');
    const { names } = patternOf(match);
    for (const [name, text] of Object.entries({ http, body })) {
      if (text === undefined) continue;
      const template = parseTemplate(text, names);
      const wrong =
        'problem' in template
          ? template.problem
          : name === 'http'
            ? problemOf(() => new UrlTemplate(template))
            : undefined;
      if (wrong !== undefined) problem(['origin', name], wrong);
    }
  });

/** Read-through keys. */
export const keyspaces = z
  .array(keyspace, { error: () => 'expected a list of { match, origin, ttl, … } or { match, writeBehind }' })
  .superRefine((list, context) => {
    const problem = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if (list.length > MAX_KEYSPACES) {
      context.addIssue({ code: 'custom', message: `expected ${MAX_KEYSPACES} keyspaces at most` });
      return;
    }
    const patterns = list.map(({ match }) => patternOf(match));
    const apis = new Map<string, { readonly index: number; readonly limits: string }>();
    const tables = new Map<string, number>();
    for (const [index, { writeBehind: behind }] of list.entries()) {
      if (behind === undefined || behind.shape === 'record') continue;
      const table = JSON.stringify([behind.sink, behind.table, behind.version]);
      const first = tables.get(table);
      if (first === undefined) tables.set(table, index);
      else problem([index, 'writeBehind', 'version'], twoWriters(behind.version, behind.table, first));
    }
    for (const [index, { match, origin: written }] of list.entries()) {
      for (const [at, { match: other }] of list.slice(0, index).entries()) {
        const wrong = overlap(patterns[index] as KeyPattern, patterns[at] as KeyPattern);
        if (wrong !== undefined) problem([index, 'match'], wrong(match, other));
      }
      if (written?.http === undefined) continue;
      const api = apiOf(written.http, patterns[index] as KeyPattern);
      if (api === undefined) continue;
      const { concurrency, rate, queue } = written;
      const limits = JSON.stringify({ concurrency, rate, queue });
      const first = apis.get(api);
      if (first === undefined) apis.set(api, { index, limits });
      else if (first.limits !== limits) {
        const message = `concurrency, rate and queue hold for all of ${api}; keyspaces[${first.index}] says otherwise`;
        problem([index, 'origin'], message);
      }
    }
  })
  .prefault([])
  .register(settingRegistry, {
    description: `Keys that are read through: asked for and not kept, their values are fetched from their origin, kept for \`ttl\`, and given out.
A list of \`{ match, origin, ttl, … }\`; of several patterns that match a key the narrowest counts.

| setting | default | meaning |
|---|---|---|
| \`match\` | | The keys: literal text, \`*\` for any run of bytes (captured as \`{1}\`, \`{2}\` …), \`{name}\` for one or more bytes but \`:\`. A backslash makes the next character literal. |
| \`mode\` | \`read\` | \`observe\`: every read goes to the origin and nothing is kept, every change to the database before it is answered; only counted, for \`sluice advise\` and \`sluice write-behind\`. |
| \`origin\` | | Where values come from, see below. |
| \`ttl\` | \`1m\` | How long a value is fresh. |
| \`grace\` | \`0\` | How long after \`ttl\` it may be given out while it is fetched anew, or when that fails. |
| \`refreshAhead\` | \`0\` | A read with less than this left of \`ttl\` has the value fetched anew in the background. |
| \`negativeTtl\` | \`10s\` | How long it is remembered that the origin has none; 0: not at all. |
| \`errorTtl\` | \`1s\` | How long the origin is not asked again for a key after it failed for it. |
| \`maxValueBytes\` | \`1MiB\` | The largest value; more is a failure. |
| \`timeout\` | \`5s\` | How long a fetch may take, waiting for its turn included. |

An origin over HTTP:

| setting | default | meaning |
|---|---|---|
| \`http\` | | The URL; captures may stand in its path and query and are percent-encoded: \`https://api.example.com/users/{1}\`. \`{key}\` is the whole key, \`{{\` a brace. |
| \`method\`, \`body\` | \`GET\` | \`POST\` with a body, in which captures are escaped as in JSON strings. |
| \`headers\` | none | Fields of the request; keep secrets in the environment (\`"Bearer \${API_TOKEN}"\`). |
| \`pointer\` | | Only this part of a JSON answer (RFC 6901), such as \`/data/name\`. |
| \`accept\` | \`[200]\` | Statuses that give a value. |
| \`absent\` | \`[404, 410]\` | Statuses that mean that there is none. |
| \`cacheControl\` | \`false\` | Keep values no longer than the origin's Cache-Control or Expires allows. |
| \`retries\` | \`1\` | Further tries of a GET after a lost connection or status 502, 503, 504. |
| \`concurrency\` | \`32\` | Requests at a time to this API (scheme, host and port), of all keyspaces together. |
| \`rate\` | | Requests to it in any window of that length, such as \`10/1s\`. |
| \`queue\` | \`1000\` | Requests that wait for their turn; more are refused (\`ORIGIN_OVERLOADED\`). |

An origin in a database:

| setting | default | meaning |
|---|---|---|
| \`sql\` | | A query that gives one row; captures become parameters: \`select * from users where id = {1}\`. |
| \`connection\` | | Its name under \`connections\`. |
| \`column\` | | The value is this column as it is; otherwise the row as a JSON object. |

Keys that are written behind: accepted now, and written to a database later. With an \`origin\` beside, what is not known of a row is read there.

| setting | default | meaning |
|---|---|---|
| \`shape\` | \`row\` | \`row\`: hashes, of which the latest counts. \`record\`: each one that is appended is a row of its own. \`counter\`: whole numbers, added up. |
| \`sink\` | | A name under \`connections\`: a database, an API, a file. |
| \`table\` | | The table, or \`schema.table\`. |
| \`key\` | | The column of the capture of \`match\`; a list where it has several. A unique index must be on exactly these, but for records. |
| \`columns\` | | Fields that are written: a list where columns have their names, else a mapping of fields to columns. |
| \`version\` | \`sluice_version\` | Of rows and counters: a 64-bit integer column, by which an older change never overwrites a newer one, and none is added twice. |
| \`id\` | \`sluice_id\` | Of records: a column with a unique index for their ids (UUIDs), by which none is written twice. |
| \`fence\` | | A table of \`name\` (text, the primary key) and \`epoch\` (64-bit integer), by which a node that has lost its right can write no more. Needed where several nodes write and rows are removed. |
| \`minDelay\` | \`1s\` | How long a row waits at least, from its first change on. |
| \`maxDelay\` | \`5s\` | How long it waits at most, however often it changes meanwhile. |
| \`maxBatch\` | \`1000\` | Rows in one transaction. |
| \`maxPending\` | \`1000000\` | Rows that wait. Those that wait already can change on. |
| \`onFull\` | \`shed\` | What becomes of more: \`shed\`: refused (\`OVERLOADED\`). \`block\`: they wait for room, for \`timeout\` at most. \`through\`: written at once, and answered when that is done. \`drop-oldest\` (records): the oldest are given up. |
| \`rateLimit\` | none | What the database gets at most: rows, such as \`2000/1s\`, or \`{ rows, transactions }\`. |
| \`delete\` | \`remove\` | \`ignore\`: rows that are removed stay in the table. |
| \`ack\` | \`store\` | What the answer to a write waits for: what the store promises; nothing (\`memory\`); or \`commit\`, \`fsync\`, which \`durability\` must promise; or over Redis a \`replica\`, for \`timeout\` at most: then it is unknown whether one has it. |
| \`ackReplicas\` | \`1\` | With \`ack: replica\`: how many replicas must have it. |
| \`buffer\` | \`none\` | \`local\`: while a Redis store is away rows and counters are accepted in the data folder of this node (\`data\`), as durable as \`durability\` says, and passed on later. |
| \`timeout\` | \`10s\` | How long a batch may take. |
| \`maxDeadLetters\` | \`100000\` | Rows that are set aside because the database can never take them. Beyond it such rows wait, and in the end hold up the others. |
| \`alarm\` | \`{ lag: 1m, pending: 80, deadLetters: 1 }\` | From when on \`/hello\` warns: a row waits for so long, so much percent of \`maxPending\` wait, so many rows were set aside. 0: never. |

The guides on read-through keys and on write-behind have examples.`,
    form: 'a list of { match, origin, ttl, … } and { match, writeBehind }',
    kind: 'structure',
    reloadable: false,
    secret: true,
    defaultText: 'none',
  });

/** The changes of one keyspace would hide those of the other. */
function twoWriters(version: string, table: string, index: number): string {
  return `keyspaces[${index}] has its versions in the column ${version} of ${table}, too; give each a column of its own`;
}

/** Of a text that was found to be one. */
export function patternOf(text: string): KeyPattern {
  return parseKeyPattern(utf8ToBytes(text)) as KeyPattern;
}

/** Scheme, host and port; undefined for a template that was found to be none. */
function apiOf(url: string, { names }: KeyPattern): string | undefined {
  const template = parseTemplate(url, names);
  if ('problem' in template || problemOf(() => new UrlTemplate(template)) !== undefined) return undefined;
  return new UrlTemplate(template).api;
}

/** What is wrong with two keyspaces of these patterns, given how they are written. */
function overlap(one: KeyPattern, other: KeyPattern): ((one: string, other: string) => string) | undefined {
  const relation = comparePatterns(one, other);
  if (relation === 'equal') return (a, b) => `"${a}" names the same keys as "${b}"`;
  if (relation !== 'crossing') return undefined;
  return (a, b) => `"${b}" and "${a}" both match some keys, and neither is the narrower one; change one of them`;
}
