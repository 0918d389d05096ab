/** What a command does to a key that is written behind, by the shapes of keyspaces that it is for. Every other command is refused on such keys. */
export interface RowCommandInfo {
  readonly shapes: readonly ('row' | 'record' | 'counter')[];
  /** For the reference page. */
  readonly summary: string;
}

const known = ['row', 'counter'] as const;
const row = ['row'] as const;
const counter = ['counter'] as const;

/** By the names of commands in lower case. */
export const rowCommands = {
  hset: { shapes: row, summary: 'changes these columns' },
  hmset: { shapes: row, summary: 'changes these columns' },
  hdel: { shapes: row, summary: 'makes these columns null' },
  set: { shapes: row, summary: 'a JSON object: the row is this and nothing else. Takes no options' },
  hincrby: { shapes: known, summary: 'row: the sum is written; counter: what was added' },
  incr: { shapes: counter, summary: 'adds 1 to the one column' },
  decr: { shapes: counter, summary: 'takes 1 from the one column' },
  incrby: { shapes: counter, summary: 'adds to the one column' },
  decrby: { shapes: counter, summary: 'takes from the one column' },
  rpush: { shapes: ['record'], summary: 'JSON objects, each a record. The reply is how many wait' },
  get: { shapes: known, summary: 'the row as a JSON object of texts, a counter of one column as its number' },
  hget: { shapes: known, summary: 'reads the row' },
  hmget: { shapes: known, summary: 'reads the row' },
  hgetall: { shapes: known, summary: 'reads the row' },
  hkeys: { shapes: known, summary: 'reads the row' },
  hvals: { shapes: known, summary: 'reads the row' },
  hlen: { shapes: known, summary: 'reads the row' },
  hexists: { shapes: known, summary: 'reads the row' },
  hstrlen: { shapes: known, summary: 'reads the row' },
  type: { shapes: known, summary: '`hash`, or `none`' },
  ttl: { shapes: known, summary: '-1, or -2 where there is none' },
  pttl: { shapes: known, summary: '-1, or -2 where there is none' },
  exists: { shapes: known, summary: 'counts those there are; all keys must be written behind' },
  del: { shapes: row, summary: 'deletes the rows; all keys must be written behind' },
  unlink: { shapes: row, summary: 'deletes the rows; all keys must be written behind' },
} as const satisfies Record<string, RowCommandInfo>;
