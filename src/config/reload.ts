import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { isSluiceError } from '../errors.ts';
import type { LoadedConfig } from './load.ts';

/** What a reload came to. */
export type ReloadOutcome =
  | { readonly kind: 'applied'; readonly config: LoadedConfig }
  /** Nothing that the configuration is made from has changed. */
  | { readonly kind: 'unchanged' }
  /** The new configuration was refused, or could not be applied; the old one stays in effect. */
  | { readonly kind: 'kept'; readonly reason: string };

/** What a {@link ConfigReloader} works with. */
export interface ReloadOptions {
  /** The configuration in effect. */
  readonly initial: LoadedConfig;
  /** Reads the configuration again, as it was read at the start. Rejects with a SluiceError when it is refused. */
  readonly load: () => Promise<LoadedConfig>;
  /** Puts a configuration into effect, as a whole or, by throwing, not at all. */
  readonly apply: (next: LoadedConfig) => void | Promise<void>;
  /** Reads a file as text; used to see whether one has changed. */
  readonly readFile: (path: string) => Promise<string>;
  /** Told the outcome of every reload that a changed file set off. */
  readonly onOutcome: (outcome: ReloadOutcome) => void;
  /** How long the folder must be quiet before its files are read, in ms: editors and deployments write in several steps. @default 250 */
  readonly quietMs?: number;
}

/**
 * Loads the configuration again when asked to (SIGHUP) and when one of its files changes. Reloads run one after the other; each applies
 * the whole new configuration or leaves the old one in effect.
 */
export class ConfigReloader implements AsyncDisposable {
  readonly #options: ReloadOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #files: readonly string[];
  #seen: string | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: ReloadOptions) {
    this.#options = options;
    this.#files = options.initial.files;
  }

  /** Begins to watch the folders of the configuration's files. Folders that cannot be watched are passed over: SIGHUP still works. */
  async watch(): Promise<void> {
    this.#seen = await this.#fingerprint();
    if (!this.#closed) this.#watchFolders();
  }

  /** Loads and applies now, even when no file has changed (a variable of the environment file may stand in no file we know). */
  reload(): Promise<ReloadOutcome> {
    return this.#enqueue(() => this.#loadAndApply());
  }

  /** Stops watching and waits for a reload that is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#quiet);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #enqueue(work: () => Promise<ReloadOutcome>): Promise<ReloadOutcome> {
    const result = this.#running.then(work);
    this.#running = result.catch(() => undefined);
    return result;
  }

  #watchFolders(): void {
    // Folders, not files: an editor replaces the file, and a mounted configuration is a link to a folder that is swapped.
    const folders = new Set(this.#files.map((file) => dirname(file)));
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) {
      if (this.#watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#touched());
        watcher.on('error', () => {
          watcher.close();
          this.#watchers.delete(folder);
        });
        this.#watchers.set(folder, watcher);
      } catch {
        // No such folder, or no watches left.
      }
    }
  }

  #touched(): void {
    if (this.#closed) return;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => void this.#reloadIfChanged(), this.#options.quietMs ?? 250);
    this.#quiet.unref();
  }

  async #reloadIfChanged(): Promise<void> {
    const outcome = await this.#enqueue(async () => {
      if (this.#closed || (await this.#fingerprint()) === this.#seen) return { kind: 'unchanged' };
      return this.#loadAndApply();
    });
    if (outcome.kind !== 'unchanged') this.#options.onOutcome(outcome);
  }

  async #loadAndApply(): Promise<ReloadOutcome> {
    // Taken before loading: a change in between is seen by the next look.
    this.#seen = await this.#fingerprint();
    try {
      const next = await this.#options.load();
      await this.#options.apply(next);
      this.#files = next.files;
      if (this.#watchers.size > 0 && !this.#closed) {
        this.#seen = await this.#fingerprint();
        this.#watchFolders();
      }
      return { kind: 'applied', config: next };
    } catch (error) {
      if (!isSluiceError(error)) throw error;
      return { kind: 'kept', reason: error.message };
    }
  }

  /** The contents of all files; small enough to keep as they are. */
  async #fingerprint(): Promise<string> {
    const contents = await Promise.all(
      this.#files.map(async (file) => {
        try {
          return [file, await this.#options.readFile(file)];
        } catch {
          return [file];
        }
      }),
    );
    return JSON.stringify(contents);
  }
}
