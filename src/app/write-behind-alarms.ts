import type { ComponentHealth } from '../face/admin/admin-routes.ts';
import type { DeadLetters } from '../write-behind/dead-letters.ts';
import type { RowSpace } from '../write-behind/row-space.ts';

/** From when on somebody should look; 0: never. */
export interface AlarmLimits {
  /** Ms. */
  readonly lag: number;
  /** Percent of maxPending. */
  readonly pending: number;
  readonly deadLetters: number;
}

/** What may be wrong with a keyspace; also a label of metrics. */
export const alarmNames = ['trouble', 'lag', 'pending', 'dead_letters', 'full', 'buffered'] as const;
export type AlarmName = (typeof alarmNames)[number];

export interface Alarm {
  readonly name: AlarmName;
  /** For people. */
  readonly text: string;
  /** Changes are refused or wait, or nothing is written any more until somebody does something. */
  readonly isBad: boolean;
}

/** How long the oldest row has waited, ms. */
export function lagOf({ waitsSince }: Pick<RowSpace, 'waitsSince'>, now: number): number {
  return waitsSince === undefined ? 0 : Math.max(0, now - waitsSince);
}

/** What is wrong with a keyspace at present. */
export function alarmsOf(
  space: Pick<RowSpace, 'waitsSince' | 'pending' | 'buffered' | 'trouble' | 'policy'>,
  letters: { readonly count: number; readonly isFull: boolean },
  limits: AlarmLimits,
  now: number,
): Alarm[] {
  const { pending, buffered, trouble } = space;
  const { maxPending } = space.policy;
  const lag = lagOf(space, now);
  const alarms: Alarm[] = [];
  const raise = (name: AlarmName, text: string, isBad = false): void => void alarms.push({ name, text, isBad });
  // What is only observed has no room, and needs none.
  if (maxPending > 0 && pending >= maxPending)
    raise('full', `${pending} rows wait, which is all there is room for`, true);
  if (letters.isFull) raise('full', `there is no room for more than ${letters.count} dead letters`, true);
  if (trouble !== undefined) raise('trouble', `rows cannot be written: ${trouble}`);
  if (limits.lag > 0 && lag >= limits.lag) raise('lag', `a row has waited for ${Math.round(lag / 1000)} s`);
  if (buffered.rows > 0) raise('buffered', `${buffered.rows} rows are on this node alone, until the store has them`);
  const share = (100 * pending) / maxPending;
  if (limits.pending > 0 && share >= limits.pending)
    raise('pending', `${pending} rows wait, ${Math.round(share)} % of maxPending`);
  if (limits.deadLetters > 0 && letters.count >= limits.deadLetters)
    raise(
      'dead_letters',
      `${letters.count} dead ${letters.count === 1 ? 'letter' : 'letters'}; sluice dead-letters list`,
    );
  return alarms;
}

/** One component for each keyspace. */
export function healthOf(alarms: readonly Alarm[]): ComponentHealth {
  if (alarms.length === 0) return { status: 'pass' };
  const status = alarms.some(({ isBad }) => isBad) ? 'fail' : 'warn';
  return { status, output: alarms.map(({ text }) => text).join('; ') };
}

/** What is known of a keyspace's letters. */
export function lettersOf(letters: DeadLetters, space: RowSpace): { readonly count: number; readonly isFull: boolean } {
  return { count: letters.count(space), isFull: letters.isFull(space) };
}
