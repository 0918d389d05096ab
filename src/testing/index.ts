/**
 * For those who write a driver or test against Sluice: the promises of every port as cases for any test runner, and a clock that
 * stands still.
 */
export type {
  CallOptions,
  Channel,
  ClaimedRecord,
  Counter,
  Entry,
  Fields,
  KeyInput,
  KeyValue,
  Lease,
  Message,
  OnlyIf,
  RecordLog,
  ScanOptions,
  SetOptions,
  SetOutcome,
  Subscription,
  Window,
  WindowDecision,
  WindowLimit,
} from '../store/ports.ts';
export type { ConformanceCase, OpenForTest, OpenPort, TestClock } from './conformance.ts';
export { channelSuite, leaseSuite, recordLogSuite } from './coordination-suites.ts';
export { counterSuite, fieldsSuite, windowSuite } from './counting-suites.ts';
export { FakeClock } from './fake-clock.ts';
export { keyValueSuite } from './key-value-suite.ts';
