import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram, howToInstall } from '../../support/programs.ts';
import { type RedisServer, startRedis } from '../../support/redis-server.ts';
import { runSequence } from './run-sequence.ts';
import { openSide } from './sides.ts';
import { parseScenario } from './step.ts';
import { startTarget, type Target } from './target.ts';

/** The same, where a password is asked for. */
const cases = {
  'nothing is done before AUTH': `
    PING
    GET a
    SET a 1
    NOSUCH
    GET
    MULTI
    EXEC
    CLIENT ID
    CLIENT SETNAME me
    COMMAND COUNT
    INFO
    SUBSCRIBE a
    HELLO
    HELLO 3
    HELLO 2
    HELLO 4
    HELLO abc
    RESET
    AUTH secret
    GET a
  `,
  'AUTH with wrong words': `
    AUTH
    AUTH wrong
    AUTH ""
    AUTH default wrong
    AUTH default ""
    AUTH nosuch secret
    AUTH me wrong
    AUTH "" secret
    AUTH a b c
    GET a
    AUTH default secret
    GET a
    AUTH wrong
    GET a
  `,
  'AUTH with a name': `
    AUTH me pass
    SET a 1
    GET a
    AUTH me wrong
    GET a
    AUTH default secret
    GET a
    CLIENT INFO
  `,
  'HELLO with AUTH': `
    HELLO 3 AUTH default wrong
    HELLO 3 AUTH nosuch secret
    HELLO 3 AUTH default
    HELLO 4 AUTH default secret
    HELLO 3 SETNAME x
    GET a
    HELLO 3 AUTH default secret SETNAME "bad name"
    # Not GET: Redis has authenticated although it answered with an error; Sluice does all of it or nothing.
    HELLO 3 AUTH default secret SETNAME good
    GET a
    CLIENT GETNAME
    HELLO 2
    HELLO 2 AUTH me pass
    HELLO 3 AUTH me wrong
    GET a
  `,
  'RESET asks again': `
    AUTH secret
    SET a 1
    RESET
    GET a
    HELLO 3
    AUTH me pass
    GET a
  `,
  'AUTH in a transaction': `
    AUTH secret
    MULTI
    AUTH wrong
    SET a 1
    EXEC
    GET a
  `,
  'QUIT needs no AUTH': `
    QUIT
  `,
};

const missing = findProgram('redis-server') === undefined ? howToInstall('redis-server') : undefined;
const elsewhere = /\d/.test(process.env['SLUICE_DIFF_TARGET'] ?? '');

let reference: RedisServer;
let target: Target;

beforeAll(async () => {
  if (missing !== undefined || elsewhere) return;
  const redisArgs = ['--requirepass', 'secret', '--user', 'me', 'on', '>pass', '~*', '&*', '+@all'];
  reference = await startRedis({ args: ['--databases', '1', ...redisArgs] });
  const users = [
    { name: 'default', secret: 'secret' },
    { name: 'me', secret: 'pass' },
  ];
  target = await startTarget({ config: { users }, redisArgs });
});

afterAll(async () => {
  await target?.[Symbol.asyncDispose]();
  await reference?.stop();
});

describe.skipIf(missing !== undefined || elsewhere)('a server that asks for a password', () => {
  test.each(Object.entries(cases))('%s', async (_, scenario) => {
    const auth = ['AUTH', 'secret'];
    const pair = {
      reference: await openSide({ ...reference, auth }),
      target: await openSide({ ...target.endpoint, auth }),
    };
    try {
      const mismatch = await runSequence(pair, { protocol: 2, pushes: false, steps: parseScenario(scenario) });
      expect(mismatch).toBeUndefined();
    } finally {
      await pair.reference.close();
      await pair.target.close();
    }
  });
});
