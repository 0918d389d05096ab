/** The commands that rules may name. Names in lower case; a subcommand has the form `config|get`. */
export interface CommandCatalog {
  /** Grows with every change: what was worked out from an older one is worked out anew. */
  readonly version: number;
  has(name: string): boolean;
  /** Full names of the subcommands of a container command; none for any other. */
  subcommandsOf(name: string): readonly string[];
  /** The commands of a category, `@` left out; undefined when there is none of that name. */
  inCategory(category: string): readonly string[] | undefined;
}

/** The categories of Redis 7.0, in the order of `ACL CAT`. */
export const categories = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
] as const;
