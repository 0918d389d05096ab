/** Called once when it is cancelled. */
export type CancellationListener = (() => void) | { handleEvent(): void };

/**
 * What of an `AbortSignal` is used on the way of a request: every `AbortSignal` is one. Making one of those, listening and leaving costs
 * some 6 microseconds, `AbortSignal.any` 20 more, which is a lot beside a request of 20; a {@link Canceller} costs a tenth of one.
 */
export interface Cancellation {
  readonly aborted: boolean;
  /** Why; undefined until then. */
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: CancellationListener, options?: { readonly once?: boolean }): void;
  removeEventListener(type: 'abort', listener: CancellationListener): void;
}

/** A {@link Cancellation} and the way to bring it about. Listeners are called once each, in the order they came. */
export class Canceller implements Cancellation {
  aborted = false;
  reason: unknown = undefined;
  /** Few: whoever deals with the request just now. */
  #listeners: CancellationListener[] = [];

  /** Only the first call does anything. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) {
      if (typeof listener === 'function') listener();
      else listener.handleEvent();
    }
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** As of an `AbortSignal`, too late is never. */
  addEventListener(_: 'abort', listener: CancellationListener): void {
    if (!this.aborted && !this.#listeners.includes(listener)) this.#listeners.push(listener);
  }

  removeEventListener(_: 'abort', listener: CancellationListener): void {
    const at = this.#listeners.indexOf(listener);
    if (at !== -1) this.#listeners.splice(at, 1);
  }
}
