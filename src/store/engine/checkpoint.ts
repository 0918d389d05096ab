import type { Clock } from '../../kernel/clock.ts';
import { ImageDump } from './checkpoint-dump.ts';
import type { Engine } from './engine.ts';
import type { WorkerJournal } from './journal.ts';

export interface CheckpointerOptions {
  readonly engine: Engine;
  readonly journal: WorkerJournal;
  readonly clock: Clock;
  /** The log is let grow to this, and further to the size of the image that a pass would write. */
  readonly logBytes: number;
  /** The highest generation in the folder. */
  readonly generation: number;
  readonly onWarning: (message: string) => void;
}

const SLICE_MS = 1;
const PIECE_BYTES = 256 * 1024;
const LARGE_BYTES = 64 * 1024;
const ELEMENTS_PER_LOOK = 64;
const RETRY_MS = 5000;

/**
 * Keeps the log short: when it has grown enough, writes all keys into a new image beside the work of the engine, piece by piece,
 * and then drops the log up to where the pass began.
 */
export class Checkpointer {
  readonly #engine: Engine;
  readonly #journal: WorkerJournal;
  readonly #clock: Clock;
  readonly #logBytes: number;
  readonly #onWarning: (message: string) => void;
  #generation: number;
  #running = false;
  #stopped = false;
  /** When the last pass began. */
  #liveBytesThen = Number.POSITIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(options: CheckpointerOptions) {
    this.#engine = options.engine;
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#logBytes = options.logBytes;
    this.#onWarning = options.onWarning;
    this.#generation = options.generation;
    options.journal.onGrowth = () => this.consider();
    this.consider();
  }

  /** Begins a pass when one is due. */
  consider(): void {
    if (!this.#isDue()) return;
    if (this.#running || this.#stopped || this.#clock.monotonic() < this.#notBefore) return;
    this.#running = true;
    this.#pass()
      .then(
        (failure) => this.#ended(failure),
        (error: unknown) => this.#ended(error instanceof Error ? error.message : String(error)),
      )
      .finally(() => {
        this.#running = false;
      });
  }

  stop(): void {
    this.#stopped = true;
  }

  #isDue(): boolean {
    const { logBytes, imageBytes } = this.#journal;
    const live = this.#liveBytes;
    if (logBytes > this.#logBytes && logBytes > Math.min(imageBytes, live)) return true;
    // Most of the image was deleted or has expired since. Keys with long names and many elements take more bytes in the image
    // than in memory, so that alone is no sign: memory has to have shrunk.
    return imageBytes > 2 * this.#logBytes && imageBytes > 4 * live && live < this.#liveBytesThen / 2;
  }

  /** About what a new image would take. */
  get #liveBytes(): number {
    return this.#engine.usedBytes + this.#engine.internal.bytes;
  }

  /** @returns why the pass was not finished, or undefined. */
  async #pass(): Promise<string | undefined> {
    const generation = ++this.#generation;
    const begun = this.#engine.changes.seq;
    this.#liveBytesThen = this.#liveBytes;
    const dump = new ImageDump(this.#engine, {
      clock: this.#clock,
      sliceMs: SLICE_MS,
      pieceBytes: PIECE_BYTES,
      largeBytes: LARGE_BYTES,
      elementsPerLook: ELEMENTS_PER_LOOK,
    });
    try {
      for (;;) {
        await nextTurn();
        if (this.#stopped) return undefined;
        const piece = dump.next();
        if (piece === undefined) break;
        await this.#journal.whenDurable(piece.after);
        const failure = await this.#journal.storePiece({ generation, ...piece });
        if (failure !== undefined) return failure;
      }
    } finally {
      dump.stop();
    }
    this.#journal.checkpoints++;
    await this.#journal.trim(begun);
    return undefined;
  }

  #ended(failure: string | undefined): void {
    if (failure === undefined || this.#stopped) return;
    this.#journal.checkpointFailures++;
    this.#notBefore = this.#clock.monotonic() + RETRY_MS;
    this.#onWarning(`the checkpoint was broken off and will be tried again: ${failure}`);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
