import type { Client } from './client.ts';

/** How CLIENT LIST and KILL sort clients. */
export function clientType(client: Client): 'normal' | 'pubsub' {
  return client.subscribed ? 'pubsub' : 'normal';
}

/**
 * One line of CLIENT LIST, in the form of Redis 7.0. Fields that say how Redis lays out its buffers are 0, as is the number of the
 * socket; `tot-mem` is what is queued for and from the client.
 * @param now ms since the epoch
 */
export function clientLine(client: Client, now: number): string {
  const { connection, tracking, transaction } = client;
  const queued = transaction?.bytes ?? 0;
  const { queryBytes, outputBytes } = connection;
  const fields: readonly (readonly [string, string | number])[] = [
    ['id', client.id],
    ['addr', connection.remoteAddress],
    ['laddr', connection.localAddress],
    ['fd', 0],
    ['name', client.name],
    ['age', Math.floor((now - client.createdAt) / 1000)],
    ['idle', Math.floor((now - client.lastActiveAt) / 1000)],
    ['flags', flagsOf(client)],
    ['db', 0],
    ['sub', client.channels.size],
    ['psub', client.patterns.size],
    ['ssub', 0],
    ['multi', transaction?.queue.length ?? -1],
    ['qbuf', queryBytes],
    ['qbuf-free', 0],
    ['argv-mem', 0],
    ['multi-mem', queued],
    ['rbs', 0],
    ['rbp', 0],
    ['obl', 0],
    ['oll', outputBytes > 0 ? 1 : 0],
    ['omem', outputBytes],
    ['tot-mem', queryBytes + outputBytes + queued],
    ['events', 'r'],
    ['cmd', client.lastCommand],
    ['user', client.user?.name ?? 'default'],
    ['redir', tracking === undefined ? -1 : tracking.redirect],
    ['resp', client.reply.proto],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(' ');
}

function flagsOf(client: Client): string {
  const { tracking } = client;
  let flags = '';
  if (client.subscribed) flags += 'P';
  if (client.transaction !== undefined) flags += 'x';
  if (client.blocked !== undefined) flags += 'b';
  if (tracking !== undefined) flags += 't';
  if (tracking?.brokenRedirect === true) flags += 'R';
  if (tracking?.mode === 'broadcast') flags += 'B';
  if (client.watchBroken) flags += 'd';
  if (client.closing) flags += 'c';
  if (client.noEvict) flags += 'e';
  return flags === '' ? 'N' : flags;
}
