import { type Account, flagsOf } from '../../guard/acl/account.ts';
import { describeChannels, describeCommands, describeKeys, type Selector } from '../../guard/acl/selector.ts';
import type { Reply } from '../../resp/reply.ts';

/** The reply of ACL GETUSER. */
export function replyUser(account: Account, reply: Reply): void {
  const { passwords, root, selectors } = account;
  const flags = flagsOf(account);
  reply.map(6);
  reply.bulk('flags');
  reply.set(flags.length);
  for (const flag of flags) reply.bulk(flag);
  reply.bulk('passwords');
  reply.array(passwords.length);
  for (const hash of passwords) reply.bulk(hash);
  replySelector(root, reply);
  reply.bulk('selectors');
  reply.array(selectors.length);
  for (const selector of selectors) {
    reply.map(3);
    replySelector(selector, reply);
  }
}

function replySelector(selector: Selector, reply: Reply): void {
  reply.bulk('commands');
  reply.bulk(describeCommands(selector));
  reply.bulk('keys');
  reply.bulk(describeKeys(selector));
  reply.bulk('channels');
  reply.bulk(describeChannels(selector));
}
