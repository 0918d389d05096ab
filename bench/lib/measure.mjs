/** One measurement, the rounds around it, and what is made of them. */

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * CPU microseconds per operation of `servers` (together, and `each` by its name) while `generate()` loads one of them, and until they have
 * settled: what a write costs later is part of what it costs.
 */
export async function cpuPerOperation(servers, generate) {
  for (const server of servers) await server.settle?.();
  const cpuOfEach = () => servers.map((server) => server.cpu());
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const before = cpuOfEach();
  const load = await generate();
  const atEnd = cpuOfEach();
  for (const server of servers) await server.settle?.();
  const after = cpuOfEach();
  const used = sum(after) - sum(before);
  const perOperation = (seconds) => (seconds / load.operations) * 1e6;
  return {
    ...load,
    microseconds: perOperation(used),
    each: Object.fromEntries(servers.map(({ name }, i) => [name, perOperation(after[i] - before[i])])),
    afterwardsMicroseconds: perOperation(sum(after) - sum(atEnd)),
    serverShare: (sum(atEnd) - sum(before)) / load.seconds,
  };
}

/**
 * Runs every side `rounds` times, taking turns; every second round in reverse order, so that none is always the one
 * that follows another. `sides` maps a name to a function; the answer maps it to the list of its results.
 */
export async function interleave(rounds, sides, note = () => {}) {
  const results = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const order = Object.entries(sides);
    if (round % 2 === 1) order.reverse();
    for (const [name, measure] of order) {
      const result = await measure(round);
      results[name].push(result);
      note(
        `round ${round + 1}  ${name}  ${JSON.stringify(result, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value))}`,
      );
    }
  }
  return results;
}

/**
 * Subject against peer: the median of each, and the median of the ratios within a round (a busy moment of the machine
 * falls on both sides of a round).
 */
export function compare(peerFigures, subjectFigures) {
  const ratios = subjectFigures.map((figure, round) => figure / peerFigures[round]);
  return {
    peer: median(peerFigures),
    subject: median(subjectFigures),
    ratio: median(ratios),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
  };
}
