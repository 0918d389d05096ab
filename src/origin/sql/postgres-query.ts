import type { Socket } from 'node:net';
import type { QueryBounds, SqlCell, SqlResult } from './database.ts';
import { postgresCell } from './postgres-values.ts';
import { SqlFailure } from './sql-session.ts';

/** What of `pg`'s Client is used, some of which its types leave out. */
export interface PostgresClient {
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly connection: PostgresWire;
  connect(): Promise<unknown>;
  query(query: PostgresQuery): void;
  end(): Promise<void>;
  on(event: 'error' | 'end', listener: () => void): void;
  once(event: 'drain', listener: () => void): void;
}

/** `pg`'s Connection: one method per message of the protocol. */
interface PostgresWire {
  readonly stream: Socket;
  /** By name; `pg` keeps both. */
  readonly parsedStatements: Readonly<Record<string, string>>;
  readonly submittedNamedStatements: Record<string, string>;
  parse(message: { readonly name: string; readonly text: string; readonly types: readonly number[] }): void;
  bind(message: { readonly statement: string; readonly portal: string; readonly values: readonly string[] }): void;
  describe(message: { readonly type: 'P'; readonly name: string }): void;
  execute(message: { readonly portal: string; readonly rows: number }): void;
  sync(): void;
  sendCopyFail(message: string): void;
}

interface Field {
  readonly name: string;
  readonly dataTypeID: number;
}

/** Bytes that may come beside the values: descriptions, messages. */
const OVERHEAD = 64 * 1024;

/**
 * One query in one round trip: all of its messages are sent at once, and Execute names how many rows are wanted, so a query that gives
 * millions by mistake costs a few. `pg`'s own Query can only read all, or ask for more rows in further round trips. Values come as text.
 */
export class PostgresQuery {
  readonly name: string;
  readonly text: string;
  readonly #params: readonly string[];
  readonly #bounds: QueryBounds;
  #fields: readonly Field[] = [];
  readonly #rows: SqlCell[][] = [];
  #client: PostgresClient | undefined;
  #resolve: (result: SqlResult) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #received = 0;
  #failure: SqlFailure | undefined;

  constructor(
    name: string,
    {
      text,
      params,
      bounds,
    }: { readonly text: string; readonly params: readonly string[]; readonly bounds: QueryBounds },
  ) {
    this.name = name;
    this.text = text;
    this.#params = params;
    this.#bounds = bounds;
  }

  /** Settles when the connection is ready for the next, or lost. */
  async run(client: PostgresClient): Promise<SqlResult> {
    this.#client = client;
    const { stream } = client.connection;
    // bytea comes in hexadecimal.
    const most = 2 * this.#bounds.maxBytes + OVERHEAD;
    const count = (chunk: Buffer): void => {
      this.#received += chunk.length;
      if (this.#received > most) this.#tooLarge();
    };
    stream.on('data', count);
    try {
      return await new Promise((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
        client.query(this);
      });
    } finally {
      stream.removeListener('data', count);
    }
  }

  // What follows is called by `pg`.

  submit(wire: PostgresWire): null {
    wire.stream.cork();
    try {
      if (this.name === '' || wire.parsedStatements[this.name] === undefined) {
        wire.parse({ name: this.name, text: this.text, types: [] });
        if (this.name !== '') wire.submittedNamedStatements[this.name] = this.text;
      }
      wire.bind({ statement: this.name, portal: '', values: this.#params });
      wire.describe({ type: 'P', name: '' });
      wire.execute({ portal: '', rows: this.#bounds.maxRows + 1 });
      wire.sync();
    } finally {
      wire.stream.uncork();
    }
    return null;
  }

  handleRowDescription({ fields }: { readonly fields: readonly Field[] }): void {
    this.#fields = fields;
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#rows.length > this.#bounds.maxRows) return;
    try {
      this.#rows.push(
        fields.map((text, i) => (text === null ? null : postgresCell((this.#fields[i] as Field).dataTypeID, text))),
      );
    } catch {
      this.#failure ??= new SqlFailure('refused', 'a value could not be read');
    }
  }

  handlePortalSuspended(): void {}

  handleCommandComplete(): void {}

  handleEmptyQuery(): void {}

  handleCopyInResponse(wire: PostgresWire): void {
    wire.sendCopyFail('no data');
  }

  handleCopyData(): void {}

  handleReadyForQuery(): void {
    if (this.#failure !== undefined) {
      this.#reject(this.#failure);
      return;
    }
    const { maxRows } = this.#bounds;
    this.#resolve({
      columns: this.#fields.map(({ name }) => name),
      rows: this.#rows.slice(0, maxRows),
      more: this.#rows.length > maxRows,
    });
  }

  handleError(error: Error): void {
    const { severity } = error as { severity?: unknown };
    const reason = this.#failure ?? error;
    // After an error the server says when it is ready for the next query; after the end of the connection nothing comes.
    if (severity === 'ERROR') this.#client?.once('drain', () => this.#reject(reason));
    else this.#reject(reason);
  }

  #tooLarge(): void {
    this.#failure ??= new SqlFailure(
      'too-large',
      `the answer is longer than ${this.#bounds.maxBytes} bytes (maxValueBytes)`,
    );
    this.#client?.connection.stream.destroy();
    this.#reject(this.#failure);
  }
}
