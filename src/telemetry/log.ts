import { mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { SluiceError } from '../errors.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'text' | 'pretty';
  /** Absent: standard output. */
  readonly file?: string | undefined;
  /** Other levels for single parts. */
  readonly levels: Readonly<Record<string, LogLevel>>;
}

export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'isLevelEnabled'>;

/** The log of a node: one logger per part, each with a level of its own. Values and credentials are never given to it. */
export class NodeLog {
  readonly #root: Logger;
  readonly #parts = new Map<string, Logger>();
  readonly #closeFile: () => void;
  #options: LogOptions;

  /** @throws SluiceError CONFIG_INVALID when the file cannot be written */
  constructor(options: LogOptions) {
    this.#options = options;
    const { file } = options;
    const sink = destination({ dest: file === undefined ? 1 : openFile(file), sync: file === undefined });
    let isOpen = true;
    this.#closeFile = () => {
      if (file === undefined || !isOpen) return;
      isOpen = false;
      sink.flushSync();
      sink.end();
    };
    const target = file === undefined ? sink : { write: (entry: string) => void (isOpen && sink.write(entry)) };
    const stream = options.format === 'json' ? target : lines(target, options.format === 'pretty');
    this.#root = pino({ level: options.level, base: null, timestamp: stdTimeFunctions.isoTime }, stream);
  }

  part(name: string): Log {
    let part = this.#parts.get(name);
    if (part === undefined) {
      part = this.#root.child({ part: name }, { level: this.#options.levels[name] ?? this.#options.level });
      this.#parts.set(name, part);
    }
    return part;
  }

  /** Takes new levels; format and file stay. */
  reload(options: Pick<LogOptions, 'level' | 'levels'>): void {
    this.#options = { ...this.#options, ...options };
    for (const [name, part] of this.#parts) part.level = options.levels[name] ?? options.level;
  }

  /** Writes what is left and closes the file, if there is one; nothing is logged any more. Idempotent. */
  close(): void {
    this.#closeFile();
  }
}

/** Opened at once: a log that goes nowhere would be missed only when it is needed. */
function openFile(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'a');
  } catch (error) {
    throw new SluiceError('CONFIG_INVALID', `log.file: ${path} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

const COLOURS: Readonly<Record<number, number>> = { 10: 90, 20: 90, 30: 32, 40: 33, 50: 31, 60: 35 };
const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/** One plain line per entry, for people: `time level part: message key=value …`. */
function lines(sink: DestinationStream, colours: boolean): DestinationStream {
  return {
    write(entry: string): void {
      const { level, time, part, msg, ...rest } = JSON.parse(entry) as Record<string, unknown>;
      const name = (LEVELS[level as number] ?? String(level)).padEnd(5);
      const painted = colours ? `\u001b[${COLOURS[level as number] ?? 0}m${name}\u001b[0m` : name;
      const fields = Object.entries(rest).map(
        ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
      sink.write(
        `${String(time)} ${painted} ${part === undefined ? '' : `${String(part)}: `}${String(msg ?? '')}${fields.join('')}\n`,
      );
    },
  };
}
