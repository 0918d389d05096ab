import type { Client } from '../../command/client.ts';
import type { Server } from '../../command/server.ts';
import { SluiceError } from '../../errors.ts';
import { Holding } from '../../guard/limits/byte-budget.ts';
import type { Gate, Visitor } from '../../guard/limits/gate.ts';

/** What the limits ask of a connection. */
export interface LimitedConnection {
  readonly queryBytes: number;
  readonly outputBytes: number;
  /** Too much of what came is kept for commands that are not complete. */
  shedInput(): void;
  /** Too much is kept for a client that does not read. */
  shedOutput(): void;
}

/** One RESP connection, as the limits of the node see it. */
export class ClientLimits {
  readonly #gate: Gate;
  readonly #visitor: Visitor;
  readonly #input: Holding;
  readonly #output: Holding;

  constructor(gate: Gate, connection: LimitedConnection, remoteAddress: string | undefined) {
    this.#gate = gate;
    this.#visitor = gate.visitor(remoteAddress);
    this.#input = new Holding(
      () => connection.queryBytes,
      () => connection.shedInput(),
    );
    this.#output = new Holding(
      () => connection.outputBytes,
      () => connection.shedOutput(),
    );
  }

  /** Asked before every command. @returns why it may not run; undefined when it may */
  refusal({ authenticator }: Server, { user }: Client, sameInstant: boolean): SluiceError | undefined {
    if (!this.#gate.rates.active) return undefined;
    const wait = this.#visitor.take(authenticator.required ? user?.name : undefined, sameInstant);
    if (wait === 0) return undefined;
    const ms = Math.ceil(wait);
    return new SluiceError('RATE_LIMITED', `too many commands; try again in ${ms} ms`, { details: { retryAfter: ms } });
  }

  reportInput(): void {
    this.#gate.input.report(this.#input);
  }

  reportOutput(): void {
    this.#gate.output.report(this.#output);
  }

  /** The connection is gone. */
  release(): void {
    this.#gate.input.release(this.#input);
    this.#gate.output.release(this.#output);
  }
}
