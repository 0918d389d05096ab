import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram, howToInstall } from '../../support/programs.ts';
import { connectRaw } from '../../support/raw-resp.ts';
import { type RedisServer, startRedis } from '../../support/redis-server.ts';
import { edgeCases } from './edge-cases.ts';
import { type GroupName, generate, groups } from './generate.ts';
import { contents } from './resp-node.ts';
import { type Mismatch, type Pair, runSequence } from './run-sequence.ts';
import { shrink } from './shrink.ts';
import { ask, openSide, type Side } from './sides.ts';
import { type CommandStep, parseScenario, type Sequence, type Step, showStep } from './step.ts';
import { startTarget, type Target } from './target.ts';

/**
 * The same commands are sent to Sluice and to a real redis-server 7.0, and every reply must have the same bytes. What is exempt, and
 * why, stands in compare.ts.
 *
 *   npx vitest run test/integration/differential -t strings        one group
 *   SLUICE_DIFF_SEQUENCES=20000 SLUICE_DIFF_SEED=7 npx vitest …    longer, and otherwise
 *   SLUICE_DIFF_TARGET=host:port npx vitest …                      against a running server (it is flushed!)
 *   SLUICE_DIFF_TARGET=redis npx vitest …                          redis-server against itself: tests this test
 *   SLUICE_DIFF_PARTIAL=1 npx vitest …                             leaves out the commands the target does not know
 */
const sequences = Number(process.env['SLUICE_DIFF_SEQUENCES'] ?? 400);
const seed = Number(process.env['SLUICE_DIFF_SEED'] ?? 1);

const missing = findProgram('redis-server') === undefined ? howToInstall('redis-server') : undefined;

let reference: RedisServer;
let target: Target;
let unknown: ReadonlySet<string> = new Set();

beforeAll(async () => {
  if (missing !== undefined) return;
  // Sluice has one database.
  reference = await startRedis({ args: ['--databases', '1'] });
  target = await startTarget();
  if (process.env['SLUICE_DIFF_PARTIAL']) unknown = await unknownCommands();
});

afterAll(async () => {
  await target?.[Symbol.asyncDispose]();
  await reference?.stop();
});

test('the reference is a Redis 7.0, whose texts are compared', async ({ skip }) => {
  skip(missing !== undefined, missing);
  await using pair = await openPair();
  const info = contents(await ask(pair.reference, 'INFO', 'server'));
  expect(info).toMatch(/^redis_version:7\.0\./m);
});

const groupNames = Object.keys(groups) as GroupName[];

describe.skipIf(missing !== undefined).each(groupNames)('%s', (group) => {
  const pushes = groups[group].pushes ?? false;

  describe.skipIf(Object.keys(edgeCases[group]).length === 0).each([2, 3] as const)('RESP%d', (protocol) => {
    test.each(Object.entries(edgeCases[group]))('%s', async (_, scenario) => {
      await using pair = await openPair(pushes);
      const sequence = known({ protocol, pushes, steps: parseScenario(scenario) });
      const mismatch = await runSequence(pair, sequence);
      if (mismatch !== undefined) expect.fail(report(mismatch, sequence));
    });
  });

  test(`${sequences} generated sequences get the same replies`, { timeout: 20_000 + sequences * 100 }, async () => {
    await using pair = await openPair(pushes);
    for (let index = 0; index < sequences; index++) {
      const sequence = known(generate(group, seed, index));
      const mismatch = await runSequence(pair, sequence);
      if (mismatch === undefined) continue;
      const shortest = await shrink(sequence, async (candidate) => (await runSequence(pair, candidate)) !== undefined);
      const last = (await runSequence(pair, shortest)) ?? mismatch;
      expect.fail(`${report(last, shortest)}\n(SLUICE_DIFF_SEED=${seed}, ${group}, sequence ${index})`);
    }
  });
});

async function openPair(pushes = false): Promise<Pair & AsyncDisposable> {
  const place = pushes ? 'in line' : 'apart';
  const sides = await Promise.all([reference, target.endpoint].map((endpoint) => openSide(endpoint, place)));
  return {
    reference: sides[0] as Side,
    target: sides[1] as Side,
    [Symbol.asyncDispose]: async () => {
      for (const side of sides) await side.close();
    },
  };
}

function report({ at, what, reference: expected, target: received }: Mismatch, { protocol, steps }: Sequence): string {
  const shown = steps.slice(0, at + 1).map(showStep);
  return [
    `RESP${protocol}, differs at: ${what}`,
    ...shown.map((line, i) => `  ${i === at ? '=>' : '  '} ${line}`),
    `Redis:  ${excerpt(expected, received)}`,
    `target: ${excerpt(received, expected)}`,
  ].join('\n');
}

/** The reply in quotes; of a long one the part around the first difference. */
function excerpt(reply: string, other: string): string {
  const longest = 1_500;
  if (reply.length <= longest) return JSON.stringify(reply);
  const same = [...reply].findIndex((char, i) => char !== other[i]);
  const start = Math.max(0, (same < 0 ? reply.length : same) - longest / 2);
  return `… from byte ${start} of ${reply.length}: ${JSON.stringify(reply.slice(start, start + longest))}`;
}

/** Without the commands the target does not know, when that is asked for. */
function known(sequence: Sequence): Sequence {
  const isKnown = (step: Step): boolean => !('argv' in step) || !unknown.has(nameOf(step));
  if (sequence.steps.every(isKnown)) return sequence;
  // What waited for a command that is left out has nothing to wait for.
  const steps = sequence.steps.filter((step) => isKnown(step) && !('take' in step));
  return { ...sequence, steps: steps.filter((step) => !('argv' in step) || step.reply !== 'later') };
}

const nameOf = ({ argv }: CommandStep): string => (argv[0] ?? '').toLowerCase();

async function unknownCommands(): Promise<Set<string>> {
  const steps = groupNames.flatMap((group) => [
    ...Array.from({ length: 200 }, (_, index) => generate(group, seed, index).steps),
    ...Object.values(edgeCases[group]).map(parseScenario),
  ]);
  const names = new Set(steps.flat().flatMap((step) => ('argv' in step ? [nameOf(step)] : [])));
  const found = new Set<string>();
  for (const name of names) {
    const replies = [reference, target.endpoint].map(async (endpoint) => {
      await using client = await connectRaw(endpoint);
      return (await client.command(name)).startsWith('-ERR unknown command');
    });
    const [inRedis, inTarget] = await Promise.all(replies);
    if (inTarget === true && inRedis === false) found.add(name);
  }
  return found;
}
