import { formatByteSize } from '../../kernel/bytesize.ts';
import { adminFailure, askAdmin, textOf } from '../ask-admin.ts';
import { exitOk } from '../exit-status.ts';
import { nodeTarget } from '../node-target.ts';

/** As `GET /api/advise` tells it. */
interface Advice {
  readonly keyspace: string;
  readonly mode: string;
  readonly verdict: string;
  readonly reason: string;
  readonly reads: number;
  readonly seconds: number;
  readonly hitRatio: number;
  readonly callsSavedPerHour: number;
  readonly secondsSavedPerHour: number;
  readonly originMs: number;
  readonly bytes?: number;
  readonly otherTtls: readonly { readonly ttl: number; readonly hitRatio: number; readonly bytes: number }[];
}

/** `sluice advise`. */
export async function advise(options: Readonly<Record<string, unknown>>): Promise<number> {
  const node = await nodeTarget(options, 'admin');
  const response = await askAdmin(node, { path: '/api/advise' });
  if (response.statusCode !== 200) throw await adminFailure(node, response, 'asking for advice');
  const text = await textOf(response);
  const { advice } = JSON.parse(text) as { readonly advice: readonly Advice[] };
  process.stdout.write(options['json'] === true ? `${text}\n` : advice.map(paragraph).join('\n'));
  return exitOk;
}

const verdicts: Readonly<Record<string, string>> = { 'worth it': 'worth it', 'not needed': 'you do not need this' };

function paragraph(one: Advice): string {
  const { keyspace, mode, verdict, reason, reads, seconds, hitRatio, originMs, bytes, otherTtls } = one;
  const would = mode === 'observe' ? 'would be ' : '';
  const lines = [
    `${keyspace}: ${verdicts[verdict] ?? verdict}: ${reason}`,
    `  ${reads} reads in ${Math.round(seconds)} s; ${would}hits ${percent(hitRatio)}; the origin takes ${originMs.toFixed(1)} ms`,
    `  saves ${Math.round(one.callsSavedPerHour)} calls and ${Math.round(one.secondsSavedPerHour)} s of waiting an hour${bytes === undefined ? '' : `, takes about ${formatByteSize(bytes)}`}`,
    ...otherTtls.map(
      (other) =>
        `  with ttl ${other.ttl / 1000} s: hits ${percent(other.hitRatio)}, about ${formatByteSize(other.bytes)}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}
