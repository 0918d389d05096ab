import type { Scenarios } from './scenarios.ts';

/** Everything received is compared, not one reply per command. */
export const pubSubCases: Scenarios = {
  'subscribing and publishing': `
    SUBSCRIBE a b a
    1> PUBLISH a hello
    1> PUBLISH b "\\x00\\r\\n"
    1> PUBLISH c nobody
    1> PUBLISH a ""
    UNSUBSCRIBE a
    1> PUBLISH a gone
    1> PUBLISH b there
    UNSUBSCRIBE
    1> PUBLISH b gone
    UNSUBSCRIBE
    UNSUBSCRIBE nosuch
    PING
  `,
  patterns: `
    PSUBSCRIBE a* *
    SUBSCRIBE abc
    1> PUBLISH abc both
    1> PUBLISH x one
    PUNSUBSCRIBE a*
    1> PUBLISH abc less
    PUNSUBSCRIBE
    1> PUBLISH abc only
    UNSUBSCRIBE
    PUNSUBSCRIBE
    PUNSUBSCRIBE nosuch*
  `,
  'what a subscriber may do': `
    SUBSCRIBE a
    PING
    PING hello
    GET k
    SET k v
    ECHO x
    NOSUCH
    GET
    CLIENT ID
    HELLO 2
    HELLO 3
    PUBLISH a self
    SUBSCRIBE
    UNSUBSCRIBE
    GET k
  `,
  'RESET ends subscriptions': `
    SUBSCRIBE a
    PSUBSCRIBE b*
    RESET
    1> PUBLISH a gone
    1> PUBLISH b gone
    GET k
    1> PUBSUB NUMSUB a
    1> PUBSUB NUMPAT
  `,
  PUBSUB: `
    PUBSUB CHANNELS
    SUBSCRIBE a ab b
    2> SUBSCRIBE a
    2> PSUBSCRIBE a* *
    1> PUBSUB CHANNELS
    1> PUBSUB CHANNELS a*
    1> PUBSUB CHANNELS nosuch
    1> PUBSUB CHANNELS a b
    1> PUBSUB NUMSUB
    1> PUBSUB NUMSUB a ab nosuch a
    1> PUBSUB NUMPAT
    1> PUBSUB NUMPAT x
    1> PUBSUB NOSUCH
    1> PUBSUB
    1> pubsub channels
    1> PUBLISH a x
  `,
  'words too few or too many': `
    SUBSCRIBE
    PSUBSCRIBE
    PUBLISH
    PUBLISH a
    PUBLISH a b c
    PUBSUB
  `,
  'a subscriber that leaves': `
    SUBSCRIBE a
    1> PUBLISH a x
    0> CLIENT GETNAME
    1> PUBSUB NUMSUB a
  `,
};
