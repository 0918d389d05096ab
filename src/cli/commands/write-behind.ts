import { adminFailure, askAdmin, textOf } from '../ask-admin.ts';
import { exitFailed, exitOk } from '../exit-status.ts';
import { nodeTarget } from '../node-target.ts';
import { printable } from '../printable.ts';

/** As `GET /api/write-behind` tells it. */
interface Status {
  readonly keyspace: string;
  readonly shape: string;
  readonly table: string;
  readonly pending: number;
  readonly maxPending: number;
  readonly lagSeconds: number;
  readonly accepted: number;
  readonly refused: number;
  readonly written: number;
  readonly batches: number;
  readonly failures: number;
  readonly deadLetters: number;
  readonly reduction: {
    readonly seconds: number;
    readonly rows: number;
    readonly rate: number;
    readonly predicted: number;
    readonly achieved: number;
  } | null;
  readonly alarms: readonly { readonly alarm: string; readonly text: string }[];
}

/** `sluice write-behind`. */
export async function writeBehind(options: Readonly<Record<string, unknown>>): Promise<number> {
  const node = await nodeTarget(options, 'admin');
  const response = await askAdmin(node, { path: '/api/write-behind' });
  if (response.statusCode !== 200) throw await adminFailure(node, response, 'asking how rows are written');
  const text = await textOf(response);
  const { keyspaces } = JSON.parse(text) as { readonly keyspaces: readonly Status[] };
  process.stdout.write(options['json'] === true ? `${text}\n` : keyspaces.map(paragraph).join('\n'));
  return keyspaces.some(({ alarms }) => alarms.length > 0) ? exitFailed : exitOk;
}

function paragraph(one: Status): string {
  const { reduction } = one;
  const saved =
    reduction === null
      ? []
      : [
          `  in the last ${Math.round(reduction.seconds)} s: ${reduction.rows} rows, each changed ${reduction.rate.toPrecision(2)} times a second; ` +
            `${reduction.achieved.toFixed(2)} changes for each row written, predicted ${reduction.predicted.toFixed(2)}`,
        ];
  const lines = [
    `${one.keyspace}: ${one.shape}s to ${one.table}`,
    `  ${one.pending} of at most ${one.maxPending} wait, the oldest for ${one.lagSeconds.toFixed(1)} s; ${one.deadLetters} dead letters`,
    `  ${one.accepted} changes accepted, ${one.refused} refused; ${one.written} rows written in ${one.batches} batches, ${one.failures} of which failed`,
    ...saved,
    ...one.alarms.map(({ alarm, text }) => `  ALARM ${alarm}: ${text}`),
  ];
  return `${lines.map(printable).join('\n')}\n`;
}
