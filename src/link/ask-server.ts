import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { encodeCommand } from '../resp/encode-command.ts';
import type { ReplyValue } from '../resp/reply-decoder.ts';
import { callOnce } from './call.ts';
import { type Endpoint, LinkConnection, type LinkLogin } from './link-connection.ts';

/** How long one server may leave a question open before the next is asked too, ms. */
const IMPATIENT_MS = 200;

/** One question over a connection of its own, answered within `connectTimeout`. @throws SluiceError STORE_UNAVAILABLE, STORE_TIMEOUT */
export function askServer(
  endpoint: Endpoint,
  login: LinkLogin,
  argv: readonly ByteString[],
  clock: Clock,
): Promise<ReplyValue> {
  const connection = new LinkConnection(
    { ...login, endpoint, proto: 3, database: 0, clock },
    { ready: () => undefined, pushed: () => undefined, closed: () => undefined },
  );
  const deadline = clock.setTimer(
    () => connection.destroy(`no answer within ${login.connectTimeout} ms`),
    login.connectTimeout,
  );
  return callOnce((receiver) => connection.send(encodeCommand(argv), receiver), undefined).finally(() => {
    deadline.cancel();
    connection.destroy('answered');
  });
}

/**
 * The first good answer of several servers. The next one is asked when one fails, and already when it takes its time: a server that
 * has vanished must not hold up the others.
 * @param ask rejects when the server's answer is of no use
 * @throws SluiceError STORE_UNAVAILABLE with what each of them said, when none has a good answer
 */
export function firstAnswer<T>(
  endpoints: readonly Endpoint[],
  ask: (endpoint: Endpoint) => Promise<T>,
  clock: Clock,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const reasons: string[] = [];
    let next = 0;
    let isOver = false;
    let timer: { cancel(): void } | undefined;
    const askNext = (): void => {
      timer?.cancel();
      if (isOver) return;
      const endpoint = endpoints[next++];
      if (endpoint === undefined) return;
      timer = clock.setTimer(askNext, IMPATIENT_MS);
      ask(endpoint).then(
        (answer) => {
          isOver = true;
          timer?.cancel();
          resolve(answer);
        },
        (error: unknown) => {
          reasons.push((error as Error).message);
          if (reasons.length < endpoints.length) askNext();
          else reject(new SluiceError('STORE_UNAVAILABLE', reasons.join('; ')));
        },
      );
    };
    if (endpoints.length === 0) reject(new SluiceError('STORE_UNAVAILABLE', 'there is nobody to ask'));
    else askNext();
  });
}
