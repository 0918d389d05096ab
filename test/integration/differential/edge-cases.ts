import { genericCases } from './edge-cases/generic.ts';
import { hashCases } from './edge-cases/hashes.ts';
import { listCases } from './edge-cases/lists.ts';
import { pubSubCases } from './edge-cases/pub-sub.ts';
import type { Scenarios } from './edge-cases/scenarios.ts';
import { serverCases } from './edge-cases/server.ts';
import { setCases } from './edge-cases/sets.ts';
import { sortedSetCases } from './edge-cases/sorted-sets.ts';
import { stringCases } from './edge-cases/strings.ts';
import { trackingCases } from './edge-cases/tracking.ts';
import { transactionCases } from './edge-cases/transactions.ts';
import type { GroupName } from './generate.ts';

/** Sequences written by hand, for what a generator seldom meets. */
export const edgeCases: Readonly<Record<GroupName, Scenarios>> = {
  strings: stringCases,
  hashes: hashCases,
  lists: listCases,
  sets: setCases,
  'sorted sets': sortedSetCases,
  generic: genericCases,
  server: serverCases,
  transactions: transactionCases,
  'pub/sub': pubSubCases,
  tracking: trackingCases,
  mixed: {},
  'watched changes': {},
  invalidations: {},
};
