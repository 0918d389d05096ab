import type { SluiceError } from '../errors.ts';
import { backoff } from '../kernel/backoff.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { encodeCommand } from '../resp/encode-command.ts';
import type { ReplyValue } from '../resp/reply-decoder.ts';
import { callOnce } from './call.ts';
import { type Endpoint, LinkConnection, type LinkLogin } from './link-connection.ts';
import { primaryOf, sentinelsOf, switchedTo } from './sentinel-replies.ts';

export interface SentinelEarOptions {
  readonly endpoint: Endpoint;
  readonly primaryName: ByteString;
  readonly login: LinkLogin;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** It says that the primary is another now. */
  readonly told: (primary: Endpoint) => void;
  /** It was asked, or is gone: `primary` and `others` have changed. */
  readonly asked: () => void;
}

/** How often it is asked, and how long it may then be silent. Both in ms. */
const ASK_EVERY_MS = 1000;
const SILENT_MS = 2500;
/** Between attempts to connect, ms. */
const RETRY = { first: 100, last: 5000 };

/** Listens to one Sentinel for as long as it is not closed, and asks it what it says from time to time. */
export class SentinelEar {
  /** The primary it names; undefined while it cannot be heard or names none. */
  primary: Endpoint | undefined;
  /** The other Sentinels it knows. */
  others: readonly Endpoint[] = [];
  /** Why it cannot be heard, or names no primary. */
  reason = '';
  readonly #options: SentinelEarOptions;
  #connection: LinkConnection | undefined;
  #timer: { cancel(): void } | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: SentinelEarOptions) {
    this.#options = options;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#connection?.destroy('Sluice closes');
  }

  #connect(): void {
    const { endpoint, login, clock, primaryName, told } = this.#options;
    const connection = new LinkConnection(
      { ...login, endpoint, proto: 3, database: 0, clock },
      {
        ready: () => {
          this.#failures = 0;
          connection.send(encodeCommand(['SUBSCRIBE', '+switch-master']), nobody, 0);
          this.#ask(connection);
        },
        pushed: (frame) => {
          const primary = switchedTo(frame, primaryName);
          if (primary === undefined) return;
          this.primary = primary;
          told(primary);
        },
        closed: (reason) => this.#lost(reason),
      },
    );
    this.#connection = connection;
  }

  #lost(reason: string): void {
    const { clock, random, asked } = this.#options;
    this.#timer?.cancel();
    this.#connection = undefined;
    this.primary = undefined;
    this.others = [];
    this.reason = reason;
    if (this.#closed) return;
    this.#timer = clock.setTimer(() => this.#connect(), backoff(RETRY, this.#failures++, random));
    asked();
  }

  #ask(connection: LinkConnection): void {
    const { clock, primaryName, asked } = this.#options;
    const ask = (what: string): Promise<ReplyValue> =>
      callOnce((receiver) => connection.send(encodeCommand(['SENTINEL', what, primaryName]), receiver), undefined);
    Promise.all([ask('GET-MASTER-ADDR-BY-NAME'), ask('SENTINELS')]).then(
      ([primary, others]) => {
        if (this.#connection !== connection) return;
        try {
          this.primary = primaryOf(primary, primaryName);
        } catch (error) {
          this.primary = undefined;
          this.reason = (error as SluiceError).message;
        }
        this.others = sentinelsOf(others);
        asked();
      },
      // Its end is told by `closed`.
      () => undefined,
    );
    this.#timer = clock.setTimer(() => {
      if (connection.silentFor(clock.monotonic()) > SILENT_MS) connection.destroy(`no answer within ${SILENT_MS} ms`);
      else this.#ask(connection);
    }, ASK_EVERY_MS);
  }
}

const nobody = { replied: (): void => undefined, failed: (): void => undefined };
