import { SluiceError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import { applyEffect } from './apply.ts';
import { Op, type Space } from './change.ts';
import { type ImageRange, RangeIndex } from './checkpoint-ranges.ts';
import { EffectReader, type Frame, UPTO } from './effect-codec.ts';
import type { Engine } from './engine.ts';
import type { Contents, EffectsSource } from './journal-file.ts';
import type { JournalReply, Loaded } from './journal-messages.ts';
import type { JournalListener, JournalThread } from './journal-thread.ts';

/** Length of one slice of loading, in ms: the event loop answers in between. */
const SLICE_MS = 4;
const FRAMES_PER_LOOK = 256;

/**
 * Builds the engine's state from an image and a log: every frame of the image, then those of the log that the image does not
 * contain. Time stands still meanwhile, so that nothing expires in the middle.
 */
export class Replay {
  readonly #engine: Engine;
  readonly #ranges: readonly ImageRange[];
  readonly #index: RangeIndex;
  readonly #newestRange: number;
  /** Keys that the image holds as of a later change than the rest of their range, by space. */
  readonly #keys: readonly [Map<string, number>, Map<string, number>, Map<string, number>] = [
    new Map(),
    new Map(),
    new Map(),
  ];
  #newestKey = 0;
  #reader: EffectReader | undefined;
  #source: EffectsSource = { first: 1 };
  /** Number of the last frame of the log that was read. */
  #seq = 0;

  constructor(engine: Engine, ranges: readonly ImageRange[]) {
    this.#engine = engine;
    this.#ranges = ranges;
    this.#index = new RangeIndex(ranges);
    this.#newestRange = ranges.reduce((newest, range) => Math.max(newest, range.upto), 0);
  }

  /** The newest change seen in the image. */
  get newest(): number {
    return Math.max(this.#newestRange, this.#newestKey);
  }

  /** Lays down what `step` works through. */
  begin({ effects, source }: Contents): void {
    this.#reader = new EffectReader(effects);
    this.#source = source;
    if ('first' in source) this.#seq = source.first - 1;
  }

  /** Applies up to `count` frames. @returns whether frames are left. @throws RangeError where the bytes are not frames. */
  step(count: number): boolean {
    const source = this.#source;
    for (let left = count; left > 0; left--) {
      const frame = this.#reader?.next();
      if (frame === undefined) return false;
      if ('range' in source) this.#fromImage(source.range, frame);
      else if (frame.op === UPTO) this.#seq = frame.n;
      else this.#fromLog(++this.#seq, frame);
    }
    return true;
  }

  #fromImage(rangeIndex: number, frame: Readonly<Frame>): void {
    const range = this.#ranges[rangeIndex] as ImageRange;
    const cut = range.from > (range.pieces[0]?.from ?? 0);
    if (cut && this.#engine.space(range.space).hashOf(frame.key) < range.from) return;
    if (frame.op === UPTO) {
      this.#keys[frame.space].set(frame.key, frame.n);
      this.#newestKey = Math.max(this.#newestKey, frame.n);
    } else applyEffect(this.#engine, frame);
  }

  #fromLog(seq: number, frame: Readonly<Frame>): void {
    if (frame.op === Op.flush) this.#flush(seq, frame.space);
    else if (seq > this.newest || seq > this.#upto(frame.space, frame.key)) applyEffect(this.#engine, frame);
  }

  #upto(space: Space, key: string): number {
    const ofKey = this.#keys[space].get(key);
    const ofRange = this.#index.upto(space, this.#engine.space(space).hashOf(key));
    return ofKey === undefined || ofKey < ofRange ? ofRange : ofKey;
  }

  /** A range dumped after the flush does not have what it dropped; one dumped before has. */
  #flush(seq: number, number: Space): void {
    const space = this.#engine.space(number);
    if (seq <= this.newest) {
      const { records } = space;
      space.dropWhere((ref) => this.#upto(number, records.key(ref)) < seq);
      return;
    }
    const { turn } = this.#engine;
    const standstill = turn.time;
    // The wheel of expiries starts anew, and it must start in the present.
    turn.time = this.#engine.clock.now();
    space.flush();
    turn.time = standstill;
  }
}

/** Takes what the worker reads from the disk into the engine, in slices. */
export class Loader implements JournalListener {
  readonly #engine: Engine;
  readonly #thread: JournalThread;
  readonly #clock: Clock;
  #replay: Replay;
  readonly #waiting: Contents[] = [];
  #begun = false;
  #running = false;
  #loaded: Loaded | undefined;
  #settle: { resolve(loaded: Loaded): void; reject(error: SluiceError): void } | undefined;

  constructor(engine: Engine, thread: JournalThread, clock: Clock) {
    this.#engine = engine;
    this.#thread = thread;
    this.#clock = clock;
    this.#replay = new Replay(engine, []);
  }

  /** @throws SluiceError DATA_DAMAGED, DATA_UNAVAILABLE */
  load(): Promise<Loaded> {
    this.#thread.listen(this);
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#thread.post({ kind: 'load' });
    });
  }

  reply(reply: JournalReply): void {
    if (typeof reply === 'number') return;
    switch (reply.kind) {
      case 'image':
        this.#replay = new Replay(this.#engine, reply.ranges);
        return;
      case 'effects':
        this.#waiting.push(reply);
        this.#run();
        return;
      case 'loaded':
        this.#loaded = reply;
        this.#run();
        return;
      case 'refused': {
        const { details } = reply;
        this.#fail(new SluiceError(reply.code, reply.message, details === undefined ? {} : { details }));
        return;
      }
      default: // The others come once the start is over.
    }
  }

  ended(error: SluiceError): void {
    this.#fail(error);
  }

  /** Stops loading, if it has not ended. */
  abort(): void {
    this.#fail(new SluiceError('CLOSED', 'the store was closed while it was loading'));
  }

  #run(): void {
    if (this.#running || this.#settle === undefined) return;
    this.#running = true;
    setImmediate(() => {
      this.#running = false;
      if (this.#settle === undefined) return;
      try {
        if (!this.#slice()) this.#run();
      } catch (error) {
        this.#fail(asDamage(error));
      }
    });
  }

  /** @returns true when nothing is left to do now. */
  #slice(): boolean {
    const { turn } = this.#engine;
    const until = this.#clock.monotonic() + SLICE_MS;
    // Commands that look in meanwhile set the time; nothing may expire during the replay.
    turn.time = 0;
    try {
      for (;;) {
        const batch = this.#waiting[0];
        if (batch === undefined) {
          if (this.#loaded !== undefined) this.#finish(this.#loaded);
          return true;
        }
        if (!this.#begun) this.#replay.begin(batch);
        this.#begun = this.#replay.step(FRAMES_PER_LOOK);
        if (!this.#begun) {
          this.#waiting.shift();
          this.#thread.post({ kind: 'more' });
        }
        if (this.#clock.monotonic() > until) return false;
      }
    } finally {
      turn.time = this.#clock.now();
      turn.revealed = 0;
    }
  }

  #finish(loaded: Loaded): void {
    const seq = Math.max(loaded.seq, this.#replay.newest);
    this.#engine.changes.seq = seq;
    this.#engine.turn.forgetWrites();
    this.#settle?.resolve({ ...loaded, seq });
    this.#settle = undefined;
  }

  #fail(error: SluiceError): void {
    this.#waiting.length = 0;
    this.#settle?.reject(error);
    this.#settle = undefined;
  }
}

/** Bytes with a right checksum that are no frames, or effects that do not fit what they change: damage, not a bug of the reader. */
function asDamage(error: unknown): SluiceError {
  if (error instanceof SluiceError && error.code === 'DATA_DAMAGED') return error;
  const text = error instanceof Error ? error.message : String(error);
  return new SluiceError(
    'DATA_DAMAGED',
    `the data folder holds changes that cannot be replayed: ${text}. Nothing was changed; restore a backup`,
    { cause: error },
  );
}
