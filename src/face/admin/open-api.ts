import { writeBehindPaths } from './write-behind-api.ts';

const text = (description: string): unknown => ({
  description,
  content: { 'text/plain': { schema: { type: 'string' } } },
});
const json = (description: string, type = 'application/json'): unknown => ({
  description,
  content: { [type]: { schema: { type: 'object' } } },
});

/** The admin API as an OpenAPI 3.1 document. */
export function openApi(version: string): Readonly<Record<string, unknown>> {
  const problem = json('What went wrong.', 'application/problem+json');
  return {
    openapi: '3.1.0',
    info: { title: 'Sluice admin API', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    components: {
      securitySchemes: { basic: { type: 'http', scheme: 'basic' }, bearer: { type: 'http', scheme: 'bearer' } },
    },
    security: [{}, { basic: [] }, { bearer: [] }],
    paths: {
      '/live': { get: { summary: 'Does the process answer?', security: [{}], responses: { 200: text('It does.') } } },
      '/ready': {
        get: {
          summary: 'Are requests served?',
          description:
            'No while the data is loaded and while the node shuts down. Yes while only writes are refused: reads go on.',
          security: [{}],
          responses: { 200: text('They are.'), 503: text('Not yet, or not any more; the body says why.') },
        },
      },
      '/hello': {
        get: {
          summary: 'Health of the node and its components.',
          description: '`pass`, `warn` (works, but look at it) or `fail`, overall the worst of all.',
          responses: {
            200: json('pass or warn', 'application/health+json'),
            503: json('fail', 'application/health+json'),
            401: problem,
          },
        },
      },
      '/metrics': {
        get: {
          summary: 'Metrics in the text format of Prometheus.',
          responses: { 200: text('The page.'), 401: problem },
        },
      },
      '/api/status': {
        get: { summary: 'What the node is and holds.', responses: { 200: json('The status.'), 401: problem } },
      },
      '/api/purge': {
        post: {
          summary: 'Drop what is kept of a read-through key, or of all that match a glob, on all nodes.',
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: {
                  oneOf: ['key', 'match'].map((name) => ({
                    type: 'object',
                    required: [name],
                    properties: { [name]: { type: 'string' } },
                    additionalProperties: false,
                  })),
                },
              },
            },
          },
          responses: {
            200: json('{ purged }: how many had a value.'),
            400: problem,
            401: problem,
            415: problem,
            501: problem,
          },
        },
      },
      '/api/advise': {
        get: {
          summary: 'Whether each keyspace is worth having, in figures and words.',
          responses: { 200: json('{ advice }, one for each keyspace.'), 401: problem, 501: problem },
        },
      },
      ...writeBehindPaths(problem, json),
      '/api/backup': {
        get: {
          summary: 'A consistent copy of the data, made while the node runs.',
          responses: {
            200: { description: 'A SQLite database for `sluice restore`.', content: { 'application/vnd.sqlite3': {} } },
            401: problem,
            501: problem,
          },
        },
      },
      '/api/openapi.json': { get: { summary: 'This document.', responses: { 200: json('OpenAPI 3.1.') } } },
    },
  };
}
