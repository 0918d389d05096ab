import type { Context, Hono } from 'hono';
import { SluiceError } from '../../errors.ts';
import { Problem } from '../http/problem.ts';

/** What operators see of rows that are written behind, and do with them. Keyspaces go by their pattern; undefined stands for all. */
export interface WriteBehindSources {
  /** How each keyspace does. */
  status(): Promise<readonly unknown[]>;
  /**
   * Writes what waits now, whatever its age.
   * @param timeout ms; undefined: it is asked for, and not waited for
   * @returns what came of it, by keyspace
   * @throws SluiceError INVALID_ARGUMENT for an unknown keyspace
   */
  flush(keyspace: string | undefined, timeout: number | undefined): Promise<readonly FlushOutcome[]>;
  /** What the next batch of each keyspace would run; claims nothing and writes nothing. @throws SluiceError INVALID_ARGUMENT */
  explain(keyspace: string | undefined): Promise<readonly unknown[]>;
  /** Oldest first. @throws SluiceError INVALID_ARGUMENT */
  letters(range: LetterRange): Promise<readonly Letter[]>;
  letter(id: string): Promise<Letter | undefined>;
  /** @returns what became of them. @throws SluiceError INVALID_ARGUMENT, STORE_UNAVAILABLE when the sink cannot be written to */
  replay(which: LetterChoice): Promise<Readonly<Record<string, unknown>>>;
  /** @returns how many there were. @throws SluiceError INVALID_ARGUMENT */
  drop(which: LetterChoice): Promise<number>;
}

export interface FlushOutcome {
  readonly keyspace: string;
  /** Whether all that waited when it was asked for is written; undefined: that was not waited for. */
  readonly isWritten: boolean | undefined;
  /** Rows that wait, whenever they came. */
  readonly pending: number;
  /** What stands in the way; undefined: nothing. */
  readonly trouble: string | undefined;
}

export interface LetterRange {
  readonly keyspace: string | undefined;
  /** The id of the letter they come after. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** By id, or all. */
export type LetterChoice = { readonly ids: readonly string[] } | { readonly keyspace: string | undefined };

/** A dead letter, its bytes as text. */
export interface Letter {
  readonly id: string;
  readonly keyspace: string;
  readonly key: string;
  /** In the table, of a record. */
  readonly recordId?: string;
  readonly version: number;
  readonly change: string;
  readonly fields: Readonly<Record<string, string | null>>;
  readonly reason: string;
  /** RFC 3339. */
  readonly at: string;
}

/** What takes a POST. */
export const writeBehindChanges: readonly string[] = [
  '/api/write-behind/flush',
  '/api/dead-letters/replay',
  '/api/dead-letters/drop',
];

const PAGE = 100;
const LONGEST_PAGE = 1000;
/** Also the longest wait of one request, ms. */
const LONGEST_FLUSH = 3_600_000;

/** @throws SluiceError NOT_SUPPORTED where nothing is written behind */
export function addWriteBehindRoutes(app: Hono, sources: WriteBehindSources | undefined): void {
  const known = (): WriteBehindSources => {
    if (sources !== undefined) return sources;
    throw new SluiceError(
      'NOT_SUPPORTED',
      'nothing is written behind on this node; configure keyspaces with writeBehind',
    );
  };
  app.get('/api/write-behind', async (context) => context.json({ keyspaces: await known().status() }));
  app.get('/api/write-behind/next', async (context) =>
    context.json({ keyspaces: await known().explain(context.req.query('keyspace')) }),
  );
  app.post('/api/write-behind/flush', async (context) => {
    const { keyspace, wait, timeout } = await bodyOf(context, {
      keyspace: 'string',
      wait: 'boolean',
      timeout: 'number',
    });
    if (timeout !== undefined && (timeout < 0 || timeout > LONGEST_FLUSH))
      throw wanted('timeout in ms, at most an hour');
    const flushed = await known().flush(keyspace, wait === true ? (timeout ?? 30_000) : undefined);
    return context.json({ keyspaces: flushed }, wait === true ? 200 : 202);
  });
  app.get('/api/dead-letters', async (context) => {
    const limit = Number(context.req.query('limit') ?? PAGE);
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > LONGEST_PAGE)
      throw wanted(`limit as a whole number from 1 to ${LONGEST_PAGE}`);
    const range = { keyspace: context.req.query('keyspace'), after: context.req.query('after'), limit };
    return context.json({ letters: await known().letters(range) });
  });
  app.get('/api/dead-letters/:id', async (context) => {
    const id = context.req.param('id');
    const letter = await known().letter(id);
    if (letter === undefined) throw new Problem(404, 'Not found', 'there is no dead letter of that id');
    return context.json(letter);
  });
  app.post('/api/dead-letters/replay', async (context) => context.json(await known().replay(await choiceOf(context))));
  app.post('/api/dead-letters/drop', async (context) =>
    context.json({ dropped: await known().drop(await choiceOf(context)) }),
  );
}

/** @throws Problem 400 */
async function choiceOf(context: Context): Promise<LetterChoice> {
  const { ids, all, keyspace } = await bodyOf(context, { ids: 'object', all: 'boolean', keyspace: 'string' });
  if (all === true && ids === undefined) return { keyspace };
  if (Array.isArray(ids) && all === undefined && keyspace === undefined) {
    const texts = ids.filter((id) => typeof id === 'string');
    if (texts.length === ids.length) return { ids: texts };
  }
  throw wanted('either ids, a list of texts, or all: true');
}

interface TypeOf {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
  readonly object: object;
}

/** An object of these members, each of its type or absent. @throws Problem 400 */
async function bodyOf<Shape extends Readonly<Record<string, keyof TypeOf>>>(
  context: Context,
  shape: Shape,
): Promise<{ readonly [Name in keyof Shape]: TypeOf[Shape[Name]] | undefined }> {
  const text = await context.req.text();
  let given: unknown;
  try {
    given = text === '' ? {} : JSON.parse(text);
  } catch {
    given = undefined;
  }
  const names = Object.keys(shape);
  const isFit =
    typeof given === 'object' &&
    given !== null &&
    !Array.isArray(given) &&
    Object.entries(given).every(
      ([name, value]) => names.includes(name) && typeof value === shape[name] && value !== null,
    );
  if (!isFit) throw wanted(`a JSON object of ${names.join(', ')}`);
  return given as { readonly [Name in keyof Shape]: TypeOf[Shape[Name]] | undefined };
}

function wanted(what: string): Problem {
  return new Problem(400, 'Bad request', `expected ${what}`);
}
