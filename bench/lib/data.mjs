/**
 * The data every case works on: keys of 20 bytes, values of 100 bytes, the same for each peer.
 * A value starts with its key, so a reply can be checked without remembering anything.
 */
const filler = '-Qm7RzV2kTfW9sXbJd4LhYpN6cGaUeKo3iBtSvHwMy1xZrEq8PnDjAuFl5CgOI0-pTqLmVbRkXwYcZsHn';

/** Key number `i`: `key:` and 16 digits. */
export const keyOf = (i) => `key:${String(i).padStart(16, '0')}`;

/** What `redis-benchmark -r` makes of this is {@link keyOf} of a random number below `-r`. */
export const keyTemplate = 'key:0000__rand_int__';

/** The 80 bytes after the key in every value loaded before a measurement. */
export const valueTail = filler.slice(0, 80);

/** The value loaded under key number `i`. */
export const valueFor = (i) => keyOf(i) + valueTail;

/**
 * A value of 100 bytes that is new with every write: 24 of its bytes are two random numbers of 6 decimal digits, so two
 * writes agree with a probability of 1e-12. (Stores may skip the write of a page that did not change.)
 */
export const newValueTemplate = `${filler.slice(0, 76)}__rand_int____rand_int__`;

/** What a value written from {@link newValueTemplate} looks like. */
export const newValuePattern = new RegExp(`^${filler.slice(0, 76)}0{6}\\d{6}0{6}\\d{6}$`);

/** A random whole number below `n`. */
export const below = (n) => Math.floor(Math.random() * n);
