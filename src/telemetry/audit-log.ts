import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { SluiceError } from '../errors.ts';
import type { Log } from './log.ts';

/** As the guard's `AuditEvent`: flat, and without secrets. */
interface Event {
  readonly action: string;
  readonly target?: string | undefined;
  readonly reason?: string | undefined;
}

/** Names that clients choose may be long. */
const MAX_TEXT = 256;

export interface AuditLogOptions {
  /** Appended to, for the owner only; absent: the ordinary log has it under its part `audit`. */
  readonly file: string | undefined;
  readonly log: Log;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** Writes down who changed what, each at once: these lines are few, and none may be missing. */
export class AuditLog {
  readonly #options: AuditLogOptions;
  #fd: number | undefined;

  /** @throws SluiceError CONFIG_INVALID when the file cannot be written */
  constructor(options: AuditLogOptions) {
    this.#options = options;
    if (options.file !== undefined) this.#fd = openForAppend(options.file);
  }

  /** Never throws; what cannot be written to the file goes into the log. */
  record(event: Event): void {
    const { log, now } = this.#options;
    const entry = { ...event, target: short(event.target), reason: short(event.reason) };
    if (this.#fd !== undefined) {
      const line = `${JSON.stringify({ time: new Date(now()).toISOString(), ...entry })}\n`;
      try {
        writeSync(this.#fd, line);
        return;
      } catch (error) {
        log.error({ err: error }, 'the audit log cannot be written; its lines are here');
      }
    }
    log.info(entry, 'audit');
  }

  /** Opens the file anew, which somebody may have moved away. Never throws. */
  reopen(): void {
    const { file, log } = this.#options;
    if (file === undefined || this.#fd === undefined) return;
    try {
      const next = openForAppend(file);
      closeSync(this.#fd);
      this.#fd = next;
    } catch (error) {
      log.error({ err: error }, 'the audit log cannot be opened anew; the old file stays in use');
    }
  }

  /** What comes later is in the log. Idempotent. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function short(text: string | undefined): string | undefined {
  return text !== undefined && text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

function openForAppend(file: string): number {
  try {
    mkdirSync(dirname(file), { recursive: true });
    return openSync(file, 'a', 0o600);
  } catch (error) {
    throw new SluiceError('CONFIG_INVALID', `log.audit.file: ${file} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
