import type { Api, ApiCall } from '../../client/http/api.ts';
import type { ApiLimits, Apis } from '../../client/http/apis.ts';
import { type Connections, defaultHeaders } from '../../client/http/connections.ts';
import type { OutgoingResponse } from '../../client/http/exchange.ts';
import type { OutgoingHttp } from '../../client/http/outgoing.ts';
import { SluiceError } from '../../errors.ts';
import { freshnessOf } from '../../http/cache-control.ts';
import { parseHttpDate } from '../../http/http-date.ts';
import { type JsonPointer, parseJsonPointer, selectJson } from '../../http/json-pointer.ts';
import { type ByteString, bytesToUtf8, utf8ToBytes } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Template } from '../../kernel/key-pattern.ts';
import type { Origin, OriginAnswer, OriginRequest, Validators } from '../origin.ts';
import { HeaderTemplates, renderJsonBody } from './request-template.ts';
import { UrlTemplate } from './url-template.ts';

export interface HttpOriginOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** All APIs the node asks: keyspaces of one API share its limits. */
  readonly apis: Apis;
  readonly outgoing: OutgoingHttp;
  /** Captures are percent-encoded; they may stand in the path and the query. */
  readonly url: Template;
  /** @default 'GET' */
  readonly method?: 'GET' | 'POST' | undefined;
  /** Captures in templates stand as they are. @default none */
  readonly headers?: Readonly<Record<string, string | Template>> | undefined;
  /** Of a POST. Captures are escaped for use inside JSON strings. */
  readonly body?: Template | undefined;
  /** Only that part of a JSON document is the value. @default all of the body, which need not be JSON */
  readonly pointer?: string | undefined;
  /** Statuses that give a value. @default [200] */
  readonly accept?: readonly number[] | undefined;
  /** Statuses that mean there is none. @default [404, 410] */
  readonly absent?: readonly number[] | undefined;
  /** Whether what the origin says of its freshness counts. @default false */
  readonly cacheControl?: boolean | undefined;
  /** Further tries of a GET that failed in passing. @default 1 */
  readonly retries?: number | undefined;
  readonly limits: ApiLimits;
  readonly maxValueBytes: number;
  /** All of a fetch, ms: what certainly takes longer is not begun. */
  readonly timeout: number;
}

/** Values from an HTTP API. @throws SluiceError INVALID_ARGUMENT when the options cannot be used, with the reason */
export function createHttpOrigin(options: HttpOriginOptions): Origin {
  return new HttpOrigin(options);
}

class HttpOrigin implements Origin {
  readonly name: string;
  readonly #options: HttpOriginOptions;
  readonly #api: Api;
  readonly #connections: Connections;
  readonly #url: UrlTemplate;
  readonly #headers: HeaderTemplates;
  readonly #pointer: JsonPointer | undefined;
  readonly #accept: readonly number[];
  readonly #absent: readonly number[];
  readonly #wants = (status: number): boolean => this.#accept.includes(status);
  #underWay = 0;
  /** Told when nothing is under way any more. */
  readonly #onIdle: (() => void)[] = [];

  constructor(options: HttpOriginOptions) {
    const {
      apis,
      outgoing,
      url,
      method = 'GET',
      headers = {},
      body,
      pointer,
      accept = [200],
      absent = [404, 410],
      limits,
    } = options;
    this.#options = options;
    this.#url = new UrlTemplate(url);
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    this.#headers = new HeaderTemplates({ ...defaultHeaders, ...type, ...lowerCased(headers) });
    if (body !== undefined && method === 'GET')
      throw new SluiceError('INVALID_ARGUMENT', 'a GET has no body; use POST');
    this.#pointer = pointer === undefined ? undefined : requirePointer(pointer);
    this.#accept = accept;
    this.#absent = absent;
    this.name = this.#url.api;
    this.#api = apis.configure(this.name, limits);
    this.#connections = outgoing.to(this.name);
  }

  async close(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  fetch(request: OriginRequest): Promise<OriginAnswer> {
    const { method = 'GET' } = this.#options;
    const conditions = method === 'GET' ? conditionsOf(request.validators) : none;
    let call: ApiCall;
    try {
      call = this.#callFor(request, conditions);
    } catch (error) {
      return Promise.reject(error);
    }
    const { signal } = request;
    this.#underWay++;
    return this.#api.call(this.#connections, call).then(
      (response) => {
        this.#over();
        return this.#answer(response, conditions.length > 0);
      },
      (error: unknown) => {
        this.#over();
        throw signal.aborted && error === signal.reason ? this.#aborted(error) : error;
      },
    );
  }

  /** @throws SluiceError INVALID_ARGUMENT for a key that makes no request */
  #callFor({ key, captures, signal }: OriginRequest, conditions: readonly string[]): ApiCall {
    const { method = 'GET', body, retries = 1, maxValueBytes, timeout } = this.#options;
    const own = this.#headers.list(key, captures);
    return {
      method,
      target: this.#url.target(key, captures),
      headers: conditions.length === 0 ? own : [...own, ...conditions],
      body: body === undefined ? undefined : renderJsonBody(body, key, captures),
      maxBytes: maxValueBytes,
      wants: this.#wants,
      signal,
      timeout,
      retries,
    };
  }

  #over(): void {
    if (--this.#underWay === 0) for (const idle of this.#onIdle.splice(0)) idle();
  }

  #answer(response: OutgoingResponse, isConditional: boolean): OriginAnswer {
    const { status } = response;
    const freshFor = this.#freshFor(response);
    if (status === 304 && isConditional) return { kind: 'unchanged', freshFor };
    if (this.#accept.includes(status))
      return { kind: 'value', ...this.#valueOf(response), validators: validatorsOf(response), freshFor };
    if (this.#absent.includes(status)) return { kind: 'absent', freshFor };
    const isRedirect = status >= 300 && status < 400 && response.header('location') !== '';
    const why = isRedirect ? 'a redirect, which is not followed: configure the URL it leads to' : `status ${status}`;
    throw new SluiceError('ORIGIN_FAILED', `${this.name} answered with ${why}`, { details: { status } });
  }

  #valueOf(response: OutgoingResponse): { readonly value: ByteString; readonly contentType: string } {
    const { body } = response;
    if (this.#pointer === undefined) return { value: body, contentType: mediaTypeOf(response.header('content-type')) };
    let part: ByteString | undefined;
    try {
      part = selectJson(body, this.#pointer);
    } catch (error) {
      throw new SluiceError('ORIGIN_FAILED', `${this.name} answered with something that is not JSON`, { cause: error });
    }
    if (part === undefined) {
      throw new SluiceError('ORIGIN_FAILED', `${this.name} answered with JSON that has no ${this.#options.pointer}`);
    }
    if (!part.startsWith('"')) return { value: part, contentType: 'application/json' };
    const text = JSON.parse(bytesToUtf8(part)) as string;
    return { value: utf8ToBytes(text), contentType: 'text/plain; charset=utf-8' };
  }

  #freshFor(response: OutgoingResponse): number | undefined {
    const { cacheControl = false, clock } = this.#options;
    if (!cacheControl) return undefined;
    const fields = {
      cacheControl: response.header('cache-control'),
      expires: response.header('expires'),
      date: response.header('date'),
      age: response.header('age'),
    };
    return freshnessOf(fields, clock.now(), response.took);
  }

  /** Reasons of ours say what happened; others mean that the time was over. */
  #aborted(reason: unknown): unknown {
    if (reason instanceof SluiceError) return reason;
    return new SluiceError('ORIGIN_TIMEOUT', `${this.name} gave no value in time`, { cause: reason });
  }
}

const none: readonly string[] = [];

function conditionsOf(validators: Validators | undefined): readonly string[] {
  if (validators === undefined) return none;
  const conditions: string[] = [];
  const { etag, lastModified } = validators;
  if (etag !== '') conditions.push('if-none-match', etag);
  if (lastModified !== '') conditions.push('if-modified-since', lastModified);
  return conditions;
}

/** Only such that can be sent back. */
function validatorsOf(response: OutgoingResponse): Validators {
  const etag = response.header('etag');
  const lastModified = response.header('last-modified');
  return {
    etag: /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/.test(etag) ? etag : '',
    lastModified: parseHttpDate(lastModified, 0) === undefined ? '' : lastModified,
  };
}

/** What is not one printable line says nothing. */
function mediaTypeOf(field: string): string {
  return /^[\x20-\x7e]{1,200}$/.test(field) ? field : '';
}

function lowerCased<T>(fields: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));
}

function requirePointer(text: string): JsonPointer {
  const pointer = parseJsonPointer(text);
  if (pointer === undefined) {
    throw new SluiceError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(text)} is no JSON Pointer; write it like /data/attributes`,
    );
  }
  return pointer;
}
