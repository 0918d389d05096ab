import type { Clock } from '../../kernel/clock.ts';
import { Connections } from './connections.ts';
import { type Connector, type ConnectorOptions, connector } from './connector.ts';

export interface OutgoingOptions extends Partial<ConnectorOptions> {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** How long a connection may be idle, ms. @default 4 s: shorter than most servers allow */
  readonly keepAlive?: number;
  /** Connections to all APIs together. @default 1024 */
  readonly maxConnections?: number;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_KEEP_ALIVE_MS = 4_000;
const DEFAULT_MAX_CONNECTIONS = 1_024;

/** The connections of a node to HTTP APIs, with one bound for all of them. */
export class OutgoingHttp {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #connect: Connector;
  readonly #keepAlive: number;
  readonly #maxConnections: number;
  readonly #apis = new Map<string, Connections>();
  #open = 0;

  constructor({
    connectTimeout = DEFAULT_CONNECT_TIMEOUT_MS,
    keepAlive = DEFAULT_KEEP_ALIVE_MS,
    maxConnections = DEFAULT_MAX_CONNECTIONS,
    clock,
    ...rest
  }: OutgoingOptions) {
    this.#clock = clock;
    this.#connect = connector({ ...rest, connectTimeout });
    this.#keepAlive = keepAlive;
    this.#maxConnections = maxConnections;
  }

  /** Connections, open or about to be. */
  get connections(): number {
    return this.#open;
  }

  /** Those to one API. @param api scheme, host and port, such as `https://api.example.com` */
  to(api: string): Connections {
    let connections = this.#apis.get(api);
    if (connections === undefined) {
      connections = new Connections({
        api,
        clock: this.#clock,
        connect: this.#connect,
        keepAlive: this.#keepAlive,
        mayOpen: () => this.#open < this.#maxConnections || this.#closeIdle(),
        onChange: (change) => {
          this.#open += change;
        },
      });
      this.#apis.set(api, connections);
    }
    return connections;
  }

  /** Forgets an API and closes its connections. */
  async forget(api: string): Promise<void> {
    const connections = this.#apis.get(api);
    this.#apis.delete(api);
    await connections?.close();
  }

  /** Ends all of it; requests under way fail. */
  async close(): Promise<void> {
    await Promise.all([...this.#apis.values()].map((connections) => connections.close()));
  }

  /** Makes room at the cost of an API that needs it less. */
  #closeIdle(): boolean {
    for (const connections of this.#apis.values()) if (connections.closeIdle()) return true;
    return false;
  }
}
