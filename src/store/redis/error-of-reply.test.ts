import { describe, expect, it } from 'vitest';
import { ReplyError } from '../../resp/reply-decoder.ts';
import { errorOfReply } from './error-of-reply.ts';

describe('errorOfReply', () => {
  // As redis-server 7.0.15 words them, the last of each code as Redis 6 does where it differs, and Sluice's own.
  it.each([
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'WRONG_TYPE'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value script: f6, on @user_script:1.', 'WRONG_TYPE'],
    [
      'ERR Error running script (call to f_1): @user_script:1: WRONGTYPE Operation against a key holding the wrong kind of value',
      'WRONG_TYPE',
    ],
    ['ERR value is not an integer or out of range', 'NOT_AN_INTEGER'],
    ['ERR value is not an integer or out of range script: f6, on @user_script:1.', 'NOT_AN_INTEGER'],
    ['ERR hash value is not an integer', 'NOT_AN_INTEGER'],
    ['ERR increment or decrement would overflow', 'OVERFLOW'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'OUT_OF_MEMORY'],
    ["OOM command not allowed when used memory > 'maxmemory'. script: f6, on @user_script:1.", 'OUT_OF_MEMORY'],
    ["READONLY You can't write against a read only replica.", 'STORE_READ_ONLY'],
    ['MISCONF Redis is configured to save RDB snapshots', 'STORE_READ_ONLY'],
    ['NOREPLICAS Not enough good replicas to write.', 'STORE_READ_ONLY'],
    ['LOADING Redis is loading the dataset in memory', 'STORE_LOADING'],
    ['BUSY Redis is busy running a script.', 'STORE_UNAVAILABLE'],
    ['CLUSTERDOWN The cluster is down', 'STORE_UNAVAILABLE'],
    ["NOPERM User default has no permissions to run the 'evalsha' command", 'STORE_UNAVAILABLE'],
    ['NOAUTH Authentication required.', 'STORE_UNAVAILABLE'],
    ['ERR SLUICE_UPSTREAM_UNKNOWN no answer within 5000 ms', 'STORE_TIMEOUT'],
    ['ERR SLUICE_OVERLOADED 16384 commands wait', 'OVERLOADED'],
    ['ERR the key has 70000 bytes; at most 65535 are allowed', 'KEY_TOO_LONG'],
    ["ERR unknown command 'EVALSHA', with args beginning with: ", 'NOT_SUPPORTED'],
    ['ERR', 'NOT_SUPPORTED'],
  ])('%s', (message, code) => {
    const error = errorOfReply(new ReplyError(message));
    expect(error.code).toBe(code);
    expect(error.details).toEqual({ reply: message });
  });
});
