/** Somebody changed how a node works, or tried to. Secrets and values are never a part of it. */
export interface AuditEvent {
  /** The user; `anonymous` where nobody had to authenticate; `operator` for a signal or a changed file. */
  readonly actor: string;
  /** Where the actor came from. */
  readonly address?: string | undefined;
  /** What was done: a command in lower case (`config|set`), or a request (`GET /api/backup`). */
  readonly action: string;
  /** What it was done to: names of settings, of users, of keys. */
  readonly target?: string | undefined;
  /** `sent`: passed on to the store behind, which decides. */
  readonly outcome: 'done' | 'sent' | 'refused' | 'failed';
  /** Why it was refused or failed. */
  readonly reason?: string | undefined;
}

/** Where changes by administrators are written down. */
export interface Audit {
  /** Never throws. */
  record(event: AuditEvent): void;
}
