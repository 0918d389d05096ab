import { SluiceError } from '../errors.ts';
import { type ByteString, toBuffer } from '../kernel/bytes.ts';
import { PushMessage, ReplyDecoder, ReplyError, type ReplyValue } from '../resp/reply-decoder.ts';
import type { Endpoint } from './link-connection.ts';

/** `SENTINEL GET-MASTER-ADDR-BY-NAME`. @throws SluiceError STORE_UNAVAILABLE when it names none */
export function primaryOf(reply: ReplyValue, name: ByteString): Endpoint {
  if (reply instanceof ReplyError) throw new SluiceError('STORE_UNAVAILABLE', reply.message);
  if (reply === null) throw new SluiceError('STORE_UNAVAILABLE', `it watches no primary of the name ${name}`);
  const endpoint = Array.isArray(reply) ? endpointOf(reply[0], reply[1]) : undefined;
  if (endpoint === undefined) throw new SluiceError('STORE_UNAVAILABLE', 'its answer has no address');
  return endpoint;
}

/** `SENTINEL SENTINELS`: the addresses of the others; what is not understood is left out. */
export function sentinelsOf(reply: ReplyValue): Endpoint[] {
  if (!Array.isArray(reply)) return [];
  return (reply as readonly ReplyValue[]).flatMap((entry) => {
    const fields = fieldsOf(entry);
    const endpoint = endpointOf(fields.get('ip'), fields.get('port'));
    return endpoint === undefined ? [] : [endpoint];
  });
}

/** The new address in a message of `+switch-master`: `NAME OLD-HOST OLD-PORT NEW-HOST NEW-PORT`. */
export function switchedTo(push: ByteString, name: ByteString): Endpoint | undefined {
  if (!push.startsWith('>3\r\n$7\r\nmessage\r\n')) return undefined;
  const decoder = new ReplyDecoder();
  decoder.push(toBuffer(push));
  const message = decoder.next();
  if (!(message instanceof PushMessage)) return undefined;
  const [, channel, payload] = message.items;
  if (channel !== '+switch-master' || typeof payload !== 'string') return undefined;
  const words = payload.split(' ');
  return words.length === 5 && words[0] === name ? endpointOf(words[3], words[4]) : undefined;
}

function endpointOf(host: ReplyValue | undefined, port: ReplyValue | undefined): Endpoint | undefined {
  const number = Number(port);
  if (typeof host !== 'string' || host === '' || !(number > 0 && number < 65_536)) return undefined;
  return { host, port: number };
}

/** A map, or names and values in turn as RESP2 has them. */
function fieldsOf(entry: ReplyValue): ReadonlyMap<ReplyValue, ReplyValue> {
  if (entry instanceof Map) return entry;
  const fields = new Map<ReplyValue, ReplyValue>();
  if (Array.isArray(entry)) for (let i = 0; i + 1 < entry.length; i += 2) fields.set(entry[i], entry[i + 1]);
  return fields;
}
