type Json = (description: string, type?: string) => unknown;

const query = (name: string, description: string): unknown => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string' },
});
const body = (properties: Readonly<Record<string, unknown>>): unknown => ({
  required: true,
  content: { 'application/json': { schema: { type: 'object', properties, additionalProperties: false } } },
});
const text = { type: 'string' };

/** What the OpenAPI document has of rows that are written behind. */
export function writeBehindPaths(problem: unknown, json: Json): Readonly<Record<string, unknown>> {
  const failures = { 400: problem, 401: problem, 501: problem };
  const changes = { ...failures, 415: problem, 503: problem };
  const keyspace = query('keyspace', 'Its pattern; all, where it is not given.');
  const choice = body({ ids: { type: 'array', items: text }, all: { const: true }, keyspace: text });
  return {
    '/api/write-behind': {
      get: {
        summary: 'How rows that are written behind do, by keyspace.',
        description:
          'What waits and for how long, sums since the start, what stands in the way, alarms, dead letters, and what waiting saves: predicted ' +
          '(1 + rate x wait) and achieved.',
        responses: { 200: json('{ keyspaces }, one for each.'), ...failures },
      },
    },
    '/api/write-behind/next': {
      get: {
        summary: 'The statements that the next batch would run. Nothing is claimed, nothing is written.',
        parameters: [keyspace],
        responses: { 200: json('{ keyspaces }, each with its statements.'), ...failures },
      },
    },
    '/api/write-behind/flush': {
      post: {
        summary: 'Write what waits now, whatever its age.',
        requestBody: body({
          keyspace: text,
          wait: { type: 'boolean' },
          timeout: { type: 'integer', description: 'ms' },
        }),
        responses: {
          200: json('{ keyspaces }: whether all that waited is written, and how much waits now.'),
          202: json('It was asked for, and not waited for.'),
          ...changes,
        },
      },
    },
    '/api/dead-letters': {
      get: {
        summary: 'Rows that could not be written, oldest first, by keyspace.',
        parameters: [keyspace, query('after', 'The id they come after.'), query('limit', 'At most so many; 100.')],
        responses: { 200: json('{ letters }'), ...failures },
      },
    },
    '/api/dead-letters/{id}': {
      get: {
        summary: 'One of them.',
        parameters: [{ name: 'id', in: 'path', required: true, schema: text }],
        responses: { 200: json('The letter.'), 401: problem, 404: problem, 501: problem },
      },
    },
    '/api/dead-letters/replay': {
      post: {
        summary: 'Write them again, unless something newer is known of their rows.',
        requestBody: choice,
        responses: { 200: json('{ written, skipped, failed, unknown, reason }'), ...changes },
      },
    },
    '/api/dead-letters/drop': {
      post: {
        summary: 'Drop them for good.',
        requestBody: choice,
        responses: { 200: json('{ dropped }: how many there were.'), ...changes },
      },
    },
  };
}
