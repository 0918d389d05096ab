import { setMaxListeners } from 'node:events';
import type { ByteString } from '../../kernel/bytes.ts';
import type { Decision, DecisionSpace, ScriptReply } from '../decisions/decision.ts';
import type { Durability } from '../engine/durability.ts';
import type { Engine } from '../engine/engine.ts';
import { EntryClass } from '../engine/entry-class.ts';
import type { CallOptions } from '../ports.ts';

/** What every port of the embedded store stands on: one turn of the engine, told when it is durable. */
export class EmbeddedTurn {
  readonly engine: Engine;
  readonly #durability: Durability;
  readonly #internal: DecisionSpace;

  constructor(engine: Engine, durability: Durability) {
    this.engine = engine;
    this.#durability = durability;
    const { turn, internal } = engine;
    this.#internal = { turn, keyspace: () => internal, entryClass: EntryClass.internal };
  }

  /** A decision on Sluice's own keys. @throws SluiceError STORE_LOADING, STORE_READ_ONLY, OUT_OF_MEMORY and those of the decision */
  decide(
    decision: Decision,
    keys: readonly ByteString[],
    args: readonly ByteString[],
    options: CallOptions | undefined,
  ): Promise<ScriptReply> {
    const work = (): ScriptReply => decision.native(this.#internal, keys, args);
    return decision.access === 'read'
      ? this.read(options, work)
      : this.writeInternal(options, work, decision.access === 'write');
  }

  /** The same at once, unless it has to be committed. @param waits for the commit of a write @throws as {@link decide} rejects */
  decideNow(
    decision: Decision,
    keys: readonly ByteString[],
    args: readonly ByteString[],
    waits = true,
  ): ScriptReply | Promise<ScriptReply> {
    let reply: ScriptReply = null;
    const work = (): ScriptReply => {
      reply = decision.native(this.#internal, keys, args);
      return reply;
    };
    if (decision.access === 'read') return this.readNow(work);
    const answer = this.writeNow(true, work, decision.access === 'write');
    if (waits || !(answer instanceof Promise)) return answer;
    // Whoever does not wait is told of no failure; the engine refuses writes from then on.
    answer.catch(() => undefined);
    return reply;
  }

  /** @throws SluiceError STORE_LOADING, STORE_READ_ONLY */
  read<T>(options: CallOptions | undefined, work: () => T): Promise<T> {
    return this.#run(options, work, () => {
      if (this.engine.state === 'loading') this.engine.requireWritable();
    });
  }

  /** The same at once, unless what was read waits for its commit. @throws SluiceError STORE_LOADING, STORE_READ_ONLY */
  readNow<T>(work: () => T): T | Promise<T> {
    const { engine } = this;
    engine.begin();
    if (engine.state === 'loading') engine.requireWritable();
    return this.#revealed(work());
  }

  /** A write at once, unless it has to be committed. @throws SluiceError STORE_LOADING, STORE_READ_ONLY, OUT_OF_MEMORY */
  writeNow<T>(isInternal: boolean, work: () => T, takesMemory = true): T | Promise<T> {
    const { engine } = this;
    engine.begin();
    engine.requireWritable();
    if (takesMemory && isInternal) engine.requireInternalMemory();
    else if (takesMemory) engine.requireMemory();
    return this.#revealed(work());
  }

  /** A write to user or compatibility keys. @throws SluiceError STORE_LOADING, STORE_READ_ONLY, OUT_OF_MEMORY */
  write<T>(options: CallOptions | undefined, work: () => T, takesMemory = true): Promise<T> {
    return this.#run(options, work, () => {
      this.engine.requireWritable();
      if (takesMemory) this.engine.requireMemory();
    });
  }

  /** A write to Sluice's own keys. @throws SluiceError STORE_LOADING, STORE_READ_ONLY, OUT_OF_MEMORY */
  writeInternal<T>(options: CallOptions | undefined, work: () => T, takesMemory = true): Promise<T> {
    return this.#run(options, work, () => {
      this.engine.requireWritable();
      if (takesMemory) this.engine.requireInternalMemory();
    });
  }

  async #run<T>(options: CallOptions | undefined, work: () => T, check: () => void): Promise<T> {
    const signal = options?.signal;
    signal?.throwIfAborted();
    const { engine } = this;
    engine.begin();
    check();
    const result = work();
    const { revealed } = engine;
    if (revealed > this.#durability.committed) await this.#committed(revealed, signal);
    return result;
  }

  #revealed<T>(result: T): T | Promise<T> {
    const { revealed } = this.engine;
    return revealed > this.#durability.committed ? this.#committed(revealed, undefined).then(() => result) : result;
  }

  #committed(seq: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal?.reason);
      // Many calls under one signal are no leak, which Node would warn of from the eleventh on.
      if (signal !== undefined) setMaxListeners(0, signal);
      signal?.addEventListener('abort', abort, { once: true });
      this.#durability.onCommitted(seq, {
        committed: (error) => {
          signal?.removeEventListener('abort', abort);
          if (error === undefined) resolve();
          else reject(error);
        },
      });
    });
  }
}
