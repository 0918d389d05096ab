/**
 * For those who write a driver or test against Sluice: the promises of every port as cases for any test runner, and a clock that
 * stands still.
 */
export type {
  CallOptions,
  Channel,
  ClaimedRecord,
  ClaimedRow,
  Counter,
  DirtySet,
  Entry,
  FieldChange,
  Fields,
  KeyInput,
  KeyValue,
  Lease,
  Message,
  OnlyIf,
  RecordLog,
  RowChange,
  RowChanged,
  RowClaim,
  ScanOptions,
  SetOptions,
  SetOutcome,
  StoredRow,
  Subscription,
  Window,
  WindowDecision,
  WindowLimit,
} from '../store/ports.ts';
export type { ConformanceCase, OpenForTest, OpenPort, TestClock } from './conformance.ts';
export { channelSuite, leaseSuite, recordLogSuite } from './coordination-suites.ts';
export { counterSuite, fieldsSuite, windowSuite } from './counting-suites.ts';
export { dirtySetSuite } from './dirty-set-suite.ts';
export { FakeClock } from './fake-clock.ts';
export { keyValueSuite } from './key-value-suite.ts';
