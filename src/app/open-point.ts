/** Something that should be looked at before strangers can reach the node. */
export interface OpenPoint {
  /** What it is about, one word for programs. */
  readonly about: string;
  /** What is open; never holds a secret. */
  readonly message: string;
  /** The setting, or the command, that mends it. */
  readonly mend: string;
}

/** What the check knows of files. */
export interface FileFacts {
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
}

/** What the check knows of the machine and the process; the node is expected to run as this one does. */
export interface ProductionFacts {
  /** ms since the epoch. */
  readonly now: number;
  /** Files the process may have open; undefined: unknown. */
  readonly openFiles: number | undefined;
  /** Bound on the memory of the process, such as that of a container; undefined: only that of the machine. */
  readonly memoryBound: number | undefined;
  /** undefined where users have no numbers. */
  readonly uid: number | undefined;
  /** undefined: there is no such file, or it is not reachable. */
  readonly fileFacts: (path: string) => Promise<FileFacts | undefined>;
}
