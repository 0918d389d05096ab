import type { AclLogEntry } from '../../guard/acl/acl-log.ts';
import { utf8ToBytes } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';

/** The reply of ACL LOG. @param now ms since the epoch */
export function replyLog(entries: readonly Readonly<AclLogEntry>[], now: number, reply: Reply): void {
  reply.array(entries.length);
  for (const { count, reason, context, object, username, at, clientInfo } of entries) {
    reply.map(7);
    reply.bulk('count');
    reply.int(count);
    reply.bulk('reason');
    reply.bulk(reason);
    reply.bulk('context');
    reply.bulk(context);
    reply.bulk('object');
    reply.bulk(object);
    reply.bulk('username');
    reply.bulk(username);
    reply.bulk('age-seconds');
    reply.double(Math.max(0, now - at) / 1000);
    reply.bulk('client-info');
    reply.bulk(utf8ToBytes(clientInfo));
  }
}
