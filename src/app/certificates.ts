import { randomBytes, X509Certificate } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { dirname } from 'node:path';
import { createSecureContext, type SecureVersion, TLSSocket, type TlsOptions, Server as TlsServer } from 'node:tls';
import type { ListenerConfig } from '../config/schema.ts';
import { SluiceError } from '../errors.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../telemetry/log.ts';
import type { MetricSink } from '../telemetry/metrics.ts';

/** Older versions are broken (RFC 8996). */
const MIN_VERSION: SecureVersion = 'TLSv1.2';
/** How long a folder must be quiet before its files are read: a pair is written in two steps. */
const QUIET_MS = 250;
/** How often files are looked at unasked: not every file system tells of changes, and time goes by. */
const LOOK_EVERY_MS = 3_600_000;
/** How often a certificate that ends soon is told of. */
const WARN_EVERY_MS = 24 * 3_600_000;
/** Of a certificate issued for 90 days and renewed after 60, this is long after a renewal should have come. */
export const certificateWarningMs: number = 14 * 24 * 3_600_000;
/** As often as this may those without a good certificate fill the log. */
const REFUSALS_EVERY_MS = 10_000;

type Tls = NonNullable<ListenerConfig['tls']>;

/** The files of a listener, read, and found to belong together. */
interface CertificatePair {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
  /** When the certificate of the listener ends, ms since the epoch. */
  readonly endsAt: number;
}

interface Held {
  readonly name: string;
  readonly tls: Tls;
  pair: CertificatePair;
  server: TlsServer | undefined;
  /** Why the files as they are now were not taken; empty when they were. */
  problem: string;
  warnedAt: number;
}

/** Gives the listeners their certificates, and follows their files: open connections stay, new ones see the new certificate. */
export class Certificates {
  readonly #held = new Map<string, Held>();
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #quietMs: number;
  #quiet: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #refused = 0;
  #refusalToldAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: { readonly clock: Clock; readonly log: Log; readonly quietMs?: number }) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#quietMs = options.quietMs ?? QUIET_MS;
  }

  /**
   * The options of a listener's server; undefined where it has no TLS.
   * @throws SluiceError CONFIG_INVALID when a file cannot be read, or certificate and key do not belong together
   */
  async open(name: string, { tls }: ListenerConfig): Promise<TlsOptions | undefined> {
    if (tls === undefined) return undefined;
    const pair = await readPair(name, tls).catch((error: unknown) => {
      throw new SluiceError('CONFIG_INVALID', (error as Error).message, { cause: error });
    });
    const held: Held = { name, tls, pair, server: undefined, problem: '', warnedAt: Number.NEGATIVE_INFINITY };
    this.#held.set(name, held);
    this.#warnOfEnd(held);
    return {
      ...contextOf(pair),
      requestCert: tls.requestClientCert !== false,
      rejectUnauthorized: tls.requestClientCert === 'required',
    };
  }

  /** The server made with the options of {@link open}; nothing without TLS. */
  attach(name: string, server: Server): void {
    const held = this.#held.get(name);
    if (held === undefined || !(server instanceof TlsServer)) return;
    held.server = server;
    if (held.tls.requestClientCert === false) return;
    // First of all listeners: who is refused here must not be served by those after it.
    server.prependListener('secureConnection', (socket) => {
      if (socket.authorized || !hasCertificate(socket)) {
        const subject = clientSubject(socket);
        if (subject !== undefined)
          this.#log.debug({ face: name, address: socket.remoteAddress, certificate: subject }, 'client certificate');
        return;
      }
      this.#tellRefusal(name, socket, String(socket.authorizationError));
      socket.destroy();
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      if (hasCertificate(socket)) this.#tellRefusal(name, socket, error.code ?? error.message);
    });
  }

  /** Begins to follow the files. Folders that cannot be watched are looked at once an hour, and on a reload. */
  watch(): void {
    if (this.#closed || this.#held.size === 0) return;
    // Folders, not files: a renewal replaces a file, and a mounted secret is a link to a folder that is swapped.
    const folders = new Set(
      [...this.#held.values()].flatMap(({ tls: { cert, key, ca } }) =>
        [cert, key, ca ?? cert].map((file) => dirname(file)),
      ),
    );
    for (const folder of folders) {
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#touched());
        watcher.on('error', () => watcher.close());
        this.#watchers.set(folder, watcher);
      } catch {
        // No watches left.
      }
    }
    this.#look = setInterval(() => void this.reload(), LOOK_EVERY_MS);
    this.#look.unref();
  }

  /** Reads all files again. A pair that is not right is told of, and the old one stays in use. Never rejects. */
  reload(): Promise<void> {
    return this.#enqueue(true);
  }

  /** `sluice_tls_certificate_expiry_seconds`. */
  readonly metrics = (sink: MetricSink): void => {
    for (const { name, pair } of this.#held.values())
      sink.value('sluice_tls_certificate_expiry_seconds', (pair.endsAt - this.#clock.now()) / 1000, { face: name });
  };

  /** Follows the files no longer. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#quiet);
    clearInterval(this.#look);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    await this.#running;
  }

  #touched(): void {
    if (this.#closed) return;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => void this.#enqueue(false), this.#quietMs);
    this.#quiet.unref();
  }

  #enqueue(asked: boolean): Promise<void> {
    const done = this.#running.then(async () => {
      for (const held of this.#held.values()) {
        if (this.#closed) return;
        await this.#renew(held, asked);
      }
    });
    this.#running = done;
    return done;
  }

  /** @param asked a problem is told of although it is still the same */
  async #renew(held: Held, asked: boolean): Promise<void> {
    const { name, pair: old, tls, server } = held;
    let problem = '';
    try {
      const next = await readPair(name, tls);
      if (sameBytes(old, next)) {
        // As before.
      } else if (next.endsAt <= this.#clock.now() && old.endsAt > this.#clock.now()) {
        problem = `${name}.tls.cert: the new certificate ended ${new Date(next.endsAt).toISOString()}`;
      } else {
        // Without new ticket keys a session of before would be resumed, and what the client showed then would not be looked at again.
        server?.setSecureContext({ ...contextOf(next), ticketKeys: randomBytes(48) } as TlsOptions);
        held.pair = next;
        held.warnedAt = Number.NEGATIVE_INFINITY;
        this.#log.info({ face: name, until: new Date(next.endsAt).toISOString() }, 'certificate loaded again');
      }
    } catch (error) {
      problem = (error as Error).message;
    }
    if (problem !== '' && (asked || problem !== held.problem))
      this.#log.warn({ face: name }, `the old certificate stays in use: ${problem}`);
    held.problem = problem;
    this.#warnOfEnd(held);
  }

  #warnOfEnd(held: Held): void {
    const left = held.pair.endsAt - this.#clock.now();
    if (left > certificateWarningMs || this.#clock.now() - held.warnedAt < WARN_EVERY_MS) return;
    held.warnedAt = this.#clock.now();
    const until = new Date(held.pair.endsAt).toISOString();
    const message = left > 0 ? 'the certificate ends soon' : 'the certificate has ended';
    this.#log.warn({ face: held.name, file: held.tls.cert, until }, message);
  }

  #tellRefusal(face: string, socket: Socket, reason: string): void {
    this.#refused++;
    if (this.#clock.monotonic() - this.#refusalToldAt < REFUSALS_EVERY_MS) return;
    this.#refusalToldAt = this.#clock.monotonic();
    const certificate = clientSubject(socket);
    const told = { face, address: socket.remoteAddress, certificate, reason, refused: this.#refused };
    this.#log.warn(told, 'client certificates were refused');
    this.#refused = 0;
  }
}

/** What a client's certificate says it is, on one line; undefined where it showed none. */
export function clientSubject(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const subject = socket.getPeerX509Certificate()?.subject;
  return subject?.replaceAll('\n', ', ');
}

/**
 * When the certificate of a PEM file ends, ms since the epoch.
 * @throws Error when files cannot be read, are no PEM files, or do not belong together; the message names the setting
 */
export async function readPair(name: string, { cert, key, ca }: Tls): Promise<CertificatePair> {
  const [certText, keyText, caText] = await Promise.all([
    read(`${name}.tls.cert`, cert),
    read(`${name}.tls.key`, key),
    ca === undefined ? undefined : read(`${name}.tls.ca`, ca),
  ]);
  const endsAt = attempt(`${name}.tls.cert: ${cert} is no certificate`, () =>
    Date.parse(new X509Certificate(certText).validTo),
  );
  const pair = { cert: certText, key: keyText, ca: caText, endsAt };
  attempt(`${name}.tls: ${cert} and ${key} cannot be used together`, () => createSecureContext(contextOf(pair)));
  return pair;
}

function contextOf({ cert, key, ca }: CertificatePair): TlsOptions {
  return { cert, key, ...(ca === undefined ? {} : { ca }), minVersion: MIN_VERSION };
}

async function read(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`${setting}: ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function attempt<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}

function sameBytes(a: CertificatePair, b: CertificatePair): boolean {
  const sameCa = a.ca === undefined || b.ca === undefined ? a.ca === b.ca : a.ca.equals(b.ca);
  return a.cert.equals(b.cert) && a.key.equals(b.key) && sameCa;
}

function hasCertificate(socket: Socket): boolean {
  return socket instanceof TLSSocket && socket.getPeerX509Certificate() !== undefined;
}
