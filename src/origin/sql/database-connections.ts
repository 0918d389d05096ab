import { SluiceError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from './database.ts';
import { type ConnectionOptions, openConnection } from './open-connection.ts';

/** The configured databases by name, each opened once however many origins use it. */
export class DatabaseConnections {
  readonly #clock: Clock;
  readonly #databases = new Map<string, Database>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  /** @throws SluiceError CONFIG_INVALID (also for a name that is taken), NOT_SUPPORTED */
  async open(options: Omit<ConnectionOptions, 'clock'>): Promise<Database> {
    const isTaken = (): boolean => this.#databases.has(options.name);
    const taken = new SluiceError('CONFIG_INVALID', `connection ${options.name} is configured twice`);
    if (isTaken()) throw taken;
    const database = await openConnection({ ...options, clock: this.#clock });
    if (isTaken()) throw taken;
    this.#databases.set(options.name, database);
    return database;
  }

  /** @throws SluiceError CONFIG_INVALID when there is none of that name */
  require(name: string): Database {
    const database = this.#databases.get(name);
    if (database === undefined)
      throw new SluiceError('CONFIG_INVALID', `there is no connection ${name}; configure it under connections`);
    return database;
  }

  /** For metrics, in the order they were opened. */
  all(): readonly Database[] {
    return [...this.#databases.values()];
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((database) => database.close()));
  }
}
