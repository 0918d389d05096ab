import { acknowledgeDirty } from './acknowledge-dirty.ts';
import { acknowledgeRecords } from './acknowledge-records.ts';
import { acquireLease } from './acquire-lease.ts';
import { addToCounter } from './add-to-counter.ts';
import { appendRecords } from './append-records.ts';
import { claimDirty } from './claim-dirty.ts';
import { claimFetch } from './claim-fetch.ts';
import { claimRecords } from './claim-records.ts';
import { countDirty } from './count-dirty.ts';
import { countRecords } from './count-records.ts';
import type { Decision } from './decision.ts';
import { failDirty } from './fail-dirty.ts';
import { fixedWindow } from './fixed-window.ts';
import { forgetPassed } from './forget-passed.ts';
import { freezeCounts } from './freeze-counts.ts';
import { incrementField } from './increment-field.ts';
import { incrementValue } from './increment-value.ts';
import { listDirty } from './list-dirty.ts';
import { loadDirty } from './load-dirty.ts';
import { passDirty } from './pass-dirty.ts';
import { putDirty } from './put-dirty.ts';
import { putValue } from './put-value.ts';
import { readDirty } from './read-dirty.ts';
import { readRecords } from './read-records.ts';
import { readValue } from './read-value.ts';
import { releaseLease } from './release-lease.ts';
import { removeRecords } from './remove-records.ts';
import { removeValue } from './remove-value.ts';
import { rollingWindow } from './rolling-window.ts';
import { setFields } from './set-fields.ts';
import { settleFetch } from './settle-fetch.ts';

/** Every decision there is. */
export const allDecisions: readonly Decision[] = [
  readValue,
  putValue,
  removeValue,
  incrementValue,
  setFields,
  incrementField,
  addToCounter,
  rollingWindow,
  fixedWindow,
  appendRecords,
  claimRecords,
  acknowledgeRecords,
  countRecords,
  readRecords,
  removeRecords,
  acquireLease,
  releaseLease,
  claimFetch,
  settleFetch,
  freezeCounts,
  loadDirty,
  putDirty,
  readDirty,
  claimDirty,
  acknowledgeDirty,
  failDirty,
  countDirty,
  listDirty,
  passDirty,
  forgetPassed,
];

const bySha1: ReadonlyMap<string, Decision> = new Map(allDecisions.map((decision) => [decision.sha1, decision]));

/** The decision whose script has this SHA-1, in any case. */
export function decisionOf(sha1: string): Decision | undefined {
  return bySha1.get(sha1.toLowerCase());
}
