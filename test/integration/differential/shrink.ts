import type { Sequence, Step } from './step.ts';

/**
 * A sequence that still fails and has few steps: halves, quarters and so on down to single steps are left out for as long as it fails.
 * @param fails runs a sequence
 * @param budget how many times it may be run
 */
export async function shrink(
  sequence: Sequence,
  fails: (candidate: Sequence) => Promise<boolean>,
  budget = 300,
): Promise<Sequence> {
  let current = sequence;
  let left = budget;
  const attempt = async (steps: readonly Step[]): Promise<boolean> => {
    if (left-- <= 0) return false;
    const candidate = { ...current, steps };
    if (!(await fails(candidate))) return false;
    current = candidate;
    return true;
  };
  for (let size = Math.ceil(current.steps.length / 2); size >= 1 && left > 0; ) {
    let removed = false;
    for (let start = current.steps.length - size; start > -size && left > 0; start -= size) {
      const from = Math.max(0, start);
      const steps = [...current.steps.slice(0, from), ...current.steps.slice(start + size)];
      if (steps.length < current.steps.length && (await attempt(steps))) removed = true;
    }
    if (size === 1 && !removed) break;
    if (!removed || size > 1) size = Math.max(1, Math.floor(size / 2));
  }
  return current;
}
