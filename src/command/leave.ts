import type { Client } from './client.ts';
import type { Server } from './server.ts';

/** Forgets what was queued since MULTI and what is under WATCH: EXEC, DISCARD, RESET. */
export function leaveTransaction(server: Server, client: Client): void {
  client.transaction = undefined;
  server.watches.forget(client);
}

/** Ends all subscriptions without a word: RESET, or the connection is gone. */
export function unsubscribeAll({ pubSub }: Server, client: Client): void {
  for (const channel of client.channels) pubSub.unsubscribe(channel, client);
  for (const pattern of client.patterns) pubSub.unsubscribePattern(pattern, client);
  client.channels.clear();
  client.patterns.clear();
}
