import { describe, expect, it } from 'vitest';
import { parseConfig } from '../config/load.ts';
import type { SluiceConfigInput } from '../config/schema.ts';
import { welcome } from './welcome.ts';

function config(input: SluiceConfigInput = {}) {
  return parseConfig(input, { cwd: '/srv', memoryBytes: 2 ** 32, listeners: 'default' }).value;
}

describe('welcome', () => {
  it('names addresses, data and three commands with the real ports', () => {
    const text = welcome(
      config(),
      {
        addresses: { http: '127.0.0.1:8080', resp: '127.0.0.1:6380', admin: '127.0.0.1:8081' },
        dataDir: '/srv/sluice-data',
      },
      '1.2.3',
    );
    expect(text).toBe(`Sluice 1.2.3 is ready.

  HTTP   http://127.0.0.1:8080
  RESP   127.0.0.1:6380
  admin  http://127.0.0.1:8081
  data   /srv/sluice-data (durability: commit)

Try:
  curl -X PUT http://127.0.0.1:8080/greeting -d hello
  curl http://127.0.0.1:8080/greeting
  redis-cli -p 6380 get greeting

Stop with Ctrl-C.
`);
  });

  it('reaches a node that listens everywhere at the loopback address, with credentials where they are needed', () => {
    const users = [{ name: 'ops', secret: 'x' }];
    const text = welcome(config({ users }), { addresses: { http: '[::]:80', resp: '[::1]:7000' } }, '1');
    expect(text).toContain('curl -u ops http://127.0.0.1:80/greeting');
    expect(text).toContain('redis-cli -h ::1 -p 7000 --user ops --askpass get greeting');
    expect(text).toContain('in memory only');
    expect(text).not.toContain('admin');
  });
});
