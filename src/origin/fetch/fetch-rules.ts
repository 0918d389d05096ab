import { isIP } from 'node:net';
import type { AddressGuard } from '../../client/http/address-guard.ts';
import { SluiceError } from '../../errors.ts';
import type { AllowList } from './allow-list.ts';
import type { FetchTarget } from './fetch-target.ts';

/** What may be fetched, as far as the URL tells; where its host leads is checked when it is connected to. */
export class FetchRules {
  readonly #allow: AllowList;
  readonly #guard: AddressGuard;

  constructor(allow: AllowList, guard: AddressGuard) {
    this.#allow = allow;
    this.#guard = guard;
  }

  /** @throws SluiceError FORBIDDEN */
  admit(target: FetchTarget): void {
    if (!this.#allow.allows(target)) throw new SluiceError('FORBIDDEN', 'the URL is on no line of fetch.allow');
    const address = addressOf(target.host);
    const problem = address === undefined ? undefined : this.#guard.check(address);
    if (problem !== undefined) throw new SluiceError('FORBIDDEN', `the URL may not be fetched: ${problem}`);
  }
}

/** The address a host stands for without being looked up. */
function addressOf(host: string): string | undefined {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  if (isIP(bare) !== 0) return bare;
  // RFC 6761 section 6.3, whatever a resolver says of it.
  return /(?:^|\.)localhost$/.test(host) ? '127.0.0.1' : undefined;
}
