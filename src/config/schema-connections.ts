import { z } from 'zod';
import { isSluiceError } from '../errors.ts';
import { parseRate, rateForm } from '../kernel/token-bucket.ts';
import { HeaderTemplates } from '../origin/http/request-template.ts';
import { parseRange, rangeForm } from './address-range.ts';
import {
  type ConnectionKind,
  connectionUrlForm,
  jsonlFile,
  kindInWords,
  kindOfConnection,
  parseConnectionUrl,
} from './connection-url.ts';
import { choiceSetting, countSetting, durationSetting, parsedText, settingRegistry } from './setting.ts';

const url = z.string({ error: () => `expected ${connectionUrlForm}` }).transform((written, context) => {
  const target = parseConnectionUrl(written);
  if (!('problem' in target)) return written;
  // The text is not repeated: it may hold a password.
  context.issues.push({ code: 'custom', message: `${target.problem}; expected ${connectionUrlForm}`, input: '' });
  return z.NEVER;
});

/** Beside the URL. */
const settings = z.strictObject({
  maxConnections: countSetting(10, { description: 'Connections to a database at a time.', min: 1, max: 1000 }),
  connectTimeout: durationSetting('5s', { description: 'How long connecting may take.', min: '100ms', max: '1h' }),
  method: choiceSetting(['POST', 'PUT'], 'POST', { description: 'Method of the requests.' }),
  headers: z
    .record(z.string(), z.string({ error: () => 'expected a text' }), {
      error: () => 'expected a mapping of header fields',
    })
    .prefault({}),
  addresses: z
    .array(parsedText(rangeForm, parseRange), { error: () => 'expected a list of ranges of addresses' })
    .optional(),
  concurrency: countSetting(32, { description: 'Requests at a time.', min: 1, max: 10_000 }),
  rate: parsedText(rateForm, parseRate).optional(),
  queue: countSetting(1000, { description: 'Requests that wait for their turn.', min: 0, max: 100_000 }),
});
const defaults = settings.parse({});

type Settings = z.output<typeof settings>;

/** Which of them say something to whom. */
const settingsOf: Readonly<Record<ConnectionKind, readonly (keyof Settings)[]>> = {
  database: ['maxConnections', 'connectTimeout'],
  http: ['connectTimeout', 'method', 'headers', 'addresses', 'concurrency', 'rate', 'queue'],
  jsonl: [],
  discard: [],
};

const structure = z.strictObject({ url, ...settings.shape }).superRefine((written, context) => {
  const problem = (path: readonly string[], message: string): void =>
    context.addIssue({ code: 'custom', path: [...path], message });
  const kind = kindOfConnection(written.url);
  for (const name of Object.keys(defaults) as (keyof Settings)[]) {
    const isGiven = JSON.stringify(written[name]) !== JSON.stringify(defaults[name]);
    if (isGiven && !settingsOf[kind].includes(name)) problem([name], `${name} says nothing to ${kindInWords[kind]}`);
  }
  if (written.addresses !== undefined && kind !== 'http')
    problem(['addresses'], `addresses says nothing to ${kindInWords[kind]}`);
  for (const [name, value] of Object.entries(written.headers)) {
    const wrong = problemOfHeader(name, value);
    if (wrong !== undefined) problem(['headers', name], wrong);
  }
});

function problemOfHeader(name: string, value: string): string | undefined {
  if (name.toLowerCase() === 'idempotency-key') return 'it is the id of the batch, and Sluice sets it';
  try {
    new HeaderTemplates({ [name]: value });
    return undefined;
  } catch (error) {
    if (!isSluiceError(error)) throw error;
    return error.message;
  }
}

const connection = z.union([url, structure], { error: explain });

/** What is wrong with the form that was written. */
function explain({
  input,
  errors,
}: {
  readonly input?: unknown;
  readonly errors?: readonly z.core.$ZodIssue[][];
}): string {
  const [text, structured] = errors ?? [];
  const [issue] = (typeof input === 'string' ? text : structured) ?? [];
  const expected = `expected ${connectionUrlForm}; or { url, … }`;
  if (issue === undefined || (issue.path.length === 0 && issue.code === 'invalid_type')) return expected;
  return [...issue.path, issue.message].join(': ');
}

/** A connection as it is used. */
function connectionOf(written: string | z.output<typeof structure>) {
  const full = typeof written === 'string' ? { url: written, ...defaults } : written;
  const { maxConnections, connectTimeout, method, headers, addresses, concurrency, rate, queue } = full;
  const kind = kindOfConnection(full.url);
  switch (kind) {
    case 'database':
      return { kind, url: full.url, maxConnections, connectTimeout };
    case 'http':
      return { kind, url: full.url, connectTimeout, method, headers, addresses, concurrency, rate, queue };
    case 'jsonl':
      return { kind, url: full.url, file: jsonlFile(full.url) };
    case 'discard':
      return { kind, url: full.url };
  }
}

/** Databases, and what else rows are written to, by name. */
export const connections = z
  .record(
    z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, { error: () => 'expected a name of letters, digits, - and _' }),
    connection.transform(connectionOf),
    { error: () => 'expected a mapping of names to databases' },
  )
  .prefault({})
  .register(settingRegistry, {
    description: `Databases, and what else rows are written to, by names that keyspaces refer to. Connections are made when they are needed.

| URL | what it is |
|---|---|
| \`postgres://USER:PASSWORD@HOST/DATABASE\` | PostgreSQL; needs the package \`pg\`. \`?sslmode=require\` or \`verify-full\` for TLS. |
| \`mysql://…\`, \`mariadb://…\` | MySQL and MariaDB; need the package \`mysql2\`. The same for TLS. |
| \`sqlite:FILE\` | A SQLite file. |
| \`https://HOST/PATH\` | An HTTP API that rows are sent to, as JSON; only for \`writeBehind\`. |
| \`jsonl:FILE\` | A file that rows are appended to, as lines of JSON; only for \`writeBehind\`. |
| \`discard:\` | Takes rows and throws them away, to try out; only for \`writeBehind\`. |

Or \`{ url, … }\`, with these:

| setting | default | meaning |
|---|---|---|
| \`maxConnections\` | \`10\` | Of a database: connections at a time. |
| \`connectTimeout\` | \`5s\` | Of a database and an HTTP API: how long connecting may take. |
| \`method\` | \`POST\` | Of an HTTP API, as all that follow: \`POST\` or \`PUT\`. |
| \`headers\` | none | Fields of the requests; keep secrets in the environment (\`"Bearer \${API_TOKEN}"\`). |
| \`addresses\` | | A list of ranges of addresses such as \`10.0.0.0/8\`: only these and public ones are connected to; \`[]\`: only public ones. Without it every address is, as of other URLs of the configuration. |
| \`concurrency\` | \`32\` | Requests at a time to this API (scheme, host and port). |
| \`rate\` | | Requests to it in any window of that length, such as \`10/1s\`. |
| \`queue\` | \`1000\` | Requests that wait for their turn. |

The guide on write-behind says what is sent.`,
    form: 'a mapping of names to databases',
    kind: 'structure',
    reloadable: false,
    secret: true,
    defaultText: 'none',
  });
