import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { SluiceError } from '../errors.ts';
import type { NodeTarget } from './node-target.ts';

/** What the admin address of a node is asked. */
export interface AdminRequest {
  readonly path: string;
  /** Sent as JSON by POST; absent: GET. */
  readonly body?: unknown;
}

/** Asks a running node. @returns the answer, whatever its status. @throws SluiceError STORE_UNAVAILABLE when none comes */
export async function askAdmin(node: NodeTarget, { path, body }: AdminRequest): Promise<IncomingMessage> {
  const send = node.tls === undefined ? httpRequest : httpsRequest;
  const headers: Record<string, string> = {};
  if (node.password !== undefined) {
    headers['authorization'] = `Basic ${Buffer.from(`${node.user ?? 'default'}:${node.password}`).toString('base64')}`;
  }
  const text = body === undefined ? undefined : JSON.stringify(body);
  if (text !== undefined) {
    headers['content-type'] = 'application/json';
    headers['content-length'] = String(Buffer.byteLength(text));
  }
  try {
    return await new Promise((done, fail) => {
      const request = send(
        {
          host: node.host,
          port: node.port,
          method: text === undefined ? 'GET' : 'POST',
          path,
          headers,
          agent: false,
          ...(node.tls?.ca && { ca: node.tls.ca }),
        },
        done,
      );
      request.on('error', fail);
      request.end(text);
    });
  } catch (error) {
    throw new SluiceError('STORE_UNAVAILABLE', `${nameOf(node)}: ${(error as Error).message}; is Sluice running?`, {
      cause: error,
    });
  }
}

/** The error that an answer without success is. @param what is done with the credentials, for 403 */
export async function adminFailure(node: NodeTarget, response: IncomingMessage, what: string): Promise<SluiceError> {
  const where = nameOf(node);
  const { statusCode } = response;
  const detail = await detailOf(response);
  if (statusCode === 401) return new SluiceError('UNAUTHENTICATED', `${where}: the credentials were not accepted`);
  if (statusCode === 403) return new SluiceError('FORBIDDEN', `${where}: the credentials do not allow ${what}`);
  if (statusCode === 400) return new SluiceError('USAGE', `${where}${detail}`);
  if (statusCode === 501) return new SluiceError('NOT_SUPPORTED', `${where}${detail}`);
  return new SluiceError('STORE_UNAVAILABLE', `${where} answered ${statusCode}${detail}`);
}

/** All of a text that is not long. */
export async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += chunk as string;
    if (text.length > 1024 * 1024) break;
  }
  return text;
}

/** The detail of a problem+json answer, or nothing. */
async function detailOf(response: IncomingMessage): Promise<string> {
  try {
    const { detail, title } = JSON.parse(await textOf(response)) as { detail?: string; title?: string };
    const words = detail ?? title;
    return words === undefined ? '' : `: ${words}`;
  } catch {
    return '';
  }
}

function nameOf({ host, port }: NodeTarget): string {
  return `${host}:${port}`;
}
