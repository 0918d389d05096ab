import type { PreparedCommand } from '../../command/prepared-command.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { CommandStats } from './command-stats.ts';

/** How long a client may run commands before others get their turn. */
const TURN_MS = 1;
/** Commands of one name in a row that share a reading of the clock. */
const SHARED = 16;

/**
 * Measures the commands of one turn and says when the turn is over.
 *
 * In a pipeline, reading a clock for every command would cost a twentieth of its CPU. So up to 16 commands of one name in a row are
 * measured together and their time is shared out evenly; a command between others of other names is measured alone.
 */
export class CommandTimer {
  readonly #stats: CommandStats;
  readonly #now: () => number;
  #since = 0;
  #stop = 0;
  #isOver = false;
  #word: ByteString = '';
  #command: PreparedCommand | undefined;
  #count = 0;
  #failed = 0;

  /** @param now monotonic, ms */
  constructor(stats: CommandStats, now: () => number) {
    this.#stats = stats;
    this.#now = now;
  }

  /** The turn begins. */
  start(): void {
    this.#since = this.#now();
    this.#stop = this.#since + TURN_MS;
    this.#isOver = false;
  }

  /** A command named `word` is about to run. @returns whether it belongs to the instant of the one before. */
  before(word: ByteString): boolean {
    if (this.#count === 0) {
      this.#word = word;
      return false;
    }
    if (word === this.#word) return true;
    this.#word = word;
    this.#endLap(this.#now());
    return false;
  }

  /** It ran. @param command undefined when there is none of that name. @returns whether the turn is over. */
  after(command: PreparedCommand | undefined, failed: boolean): boolean {
    if (command !== this.#command && this.#count > 0) this.#splitLap();
    this.#command = command;
    this.#count++;
    if (failed) this.#failed++;
    if (this.#count === SHARED) this.#endLap(this.#now());
    return this.#isOver;
  }

  /** The turn has ended. */
  stop(): void {
    if (this.#count > 0) this.#endLap(this.#now());
  }

  #endLap(now: number): void {
    this.#stats.record(this.#command, this.#count, this.#failed, now - this.#since);
    this.#since = now;
    this.#count = 0;
    this.#failed = 0;
    this.#isOver = now >= this.#stop;
  }

  /** A subcommand after another one of the same container, known as such only now: both get their share. */
  #splitLap(): void {
    const now = this.#now();
    const share = (now - this.#since) / (this.#count + 1);
    this.#endLap(now - share);
  }
}
