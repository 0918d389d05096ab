import type { ByteString } from '../../kernel/bytes.ts';
import type { ReadonlySortedSet } from '../../store/engine/sorted-sets.ts';
import { COMPACT } from '../element-scan.ts';

/** Longer members do not fit Redis's compact encoding. */
const COMPACT_MEMBER = 64;

/**
 * Whether Redis keeps such a sorted set in its compact encoding, as far as its present members tell. It shows in three places: -0
 * becomes 0, ZSCAN writes whole scores without an exponent, and ranges of members over different scores are walks.
 */
export function isCompact(set: ReadonlySortedSet): boolean {
  if (set.size > COMPACT) return false;
  for (let position = 0; position < set.size; position++) if (!isShort(set.memberAt(position))) return false;
  return true;
}

/** The score as it is kept when `member` is added, or changed, with it. */
export function keptScore(set: ReadonlySortedSet | undefined, member: ByteString, score: number): number {
  if (!Object.is(score, -0)) return score;
  const grows = set?.score(member) === undefined ? 1 : 0;
  const staysCompact = set === undefined || (isCompact(set) && set.size + grows <= COMPACT);
  return staysCompact && isShort(member) ? 0 : score;
}

function isShort(member: ByteString): boolean {
  return member.length <= COMPACT_MEMBER;
}
