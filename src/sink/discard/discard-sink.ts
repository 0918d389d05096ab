import { type MappingProblem, type Sink, SinkFailure } from '../sink.ts';

/** Takes all rows and writes none, to try out what comes before. @param name as in the configuration */
export function openDiscardSink(name: string): Sink {
  let isClosed = false;
  return {
    name,
    caveat: 'rows are counted and thrown away',
    check: async (): Promise<readonly MappingProblem[]> => [],
    async write(_, __, signal) {
      signal.throwIfAborted();
      if (isClosed) throw new SinkFailure('transient', `${name} is closed`);
    },
    explain: ({ table }, rows) => (rows.length === 0 ? [] : [`${rows.length} rows of ${table} would be thrown away`]),
    async close() {
      isClosed = true;
    },
  };
}
