import { many, maybe, one, type Row } from './words.ts';

const channel = one('news', 'chat', 'n*', '', 'weather\xff');
const pattern = one('*', 'n*', 'ch?t', '[nc]*', '');

/** For sequences that compare all that arrives, not one reply per command. */
export const pubSubRows: readonly Row[] = [
  [6, 'SUBSCRIBE', many(1, 3, channel)],
  [4, 'UNSUBSCRIBE', many(0, 2, channel)],
  [5, 'PSUBSCRIBE', many(1, 2, pattern)],
  [4, 'PUNSUBSCRIBE', many(0, 2, pattern)],
  [10, 'PUBLISH', channel, one('hello', '', '\x00\r\n')],
  [2, 'PUBSUB', 'CHANNELS', maybe(pattern)],
  [2, 'PUBSUB', 'NUMSUB', many(0, 3, channel)],
  [2, 'PUBSUB', 'NUMPAT'],
  [1, 'PUBSUB', one('NOSUCH', 'channels', '')],
  [1, 'PING', maybe(one('', 'x'))],
  [1, 'GET', one('a')],
  [1, 'ECHO', one('a')],
  [1, 'SUBSCRIBE'],
  [1, 'PUBLISH', channel],
  [1, 'RESET'],
];
