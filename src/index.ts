/**
 * Sluice as a library: the node of the command `sluice start` inside a program, with its keys at hand.
 *
 * @example
 * await using sluice = await openSluice({ data: './sluice-data' });
 * await sluice.set('greeting', 'hello', { ttl: 60_000 });
 */

export type { FetchedValue, FetchWanted } from './app/fetched-value.ts';
export type { OpenSluiceOptions, Sluice } from './app/open-sluice.ts';
export { openSluice } from './app/open-sluice.ts';
export type { SluiceConfigInput } from './config/schema.ts';
export type { ErrorCode } from './errors.ts';
export { errorCodes, isSluiceError, SluiceError } from './errors.ts';
export type { Clock, Timer } from './kernel/clock.ts';
export type { Entry, KeyInput, OnlyIf, SetOptions, SetOutcome } from './store/ports.ts';
