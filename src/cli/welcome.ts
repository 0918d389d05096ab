import type { SluiceConfig } from '../config/schema.ts';
import { isRemote, storeName } from '../config/store-url.ts';

/** What of a running node the welcome names. */
interface Running {
  readonly addresses: { readonly http?: string; readonly resp?: string; readonly admin?: string };
  readonly dataDir?: string;
}

/** What `sluice start` prints when the node is ready: addresses, where the data lies, and commands to try. */
export function welcome(config: SluiceConfig, { addresses, dataDir }: Running, version: string): string {
  const lines = [`Sluice ${version} is ready.`, ''];
  const http = addresses.http === undefined ? undefined : webAddress(addresses.http, config.http?.tls !== undefined);
  if (http !== undefined) lines.push(`  HTTP   ${http}`);
  if (addresses.resp !== undefined)
    lines.push(`  RESP   ${addresses.resp}${config.resp?.tls === undefined ? '' : ' (TLS)'}`);
  if (addresses.admin !== undefined)
    lines.push(`  admin  ${webAddress(addresses.admin, config.admin?.tls !== undefined)}`);
  lines.push(
    isRemote(config.store)
      ? `  store  ${storeName(config.store)}`
      : `  data   ${dataDir === undefined ? 'in memory only' : `${dataDir} (durability: ${config.durability})`}`,
    '',
  );

  const user = config.users[0]?.name;
  const tries: string[] = [];
  if (http !== undefined) {
    const credentials = user === undefined ? '' : ` -u ${user}`;
    tries.push(`  curl${credentials} -X PUT ${http}/greeting -d hello`, `  curl${credentials} ${http}/greeting`);
  }
  if (addresses.resp !== undefined) {
    const { host, port } = reachable(addresses.resp);
    const where = host === '127.0.0.1' ? '' : ` -h ${host}`;
    const credentials = user === undefined ? '' : ` --user ${user} --askpass`;
    const tls = config.resp?.tls === undefined ? '' : ' --tls';
    tries.push(`  redis-cli${where} -p ${port}${tls}${credentials} get greeting`);
  }
  if (tries.length > 0) lines.push('Try:', ...tries, '');
  lines.push('Stop with Ctrl-C.', '');
  return lines.join('\n');
}

/** The URL this machine reaches the listener at. */
function webAddress(address: string, tls: boolean): string {
  const { host, port } = reachable(address);
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** All interfaces are reached at the loopback address. */
function reachable(address: string): { readonly host: string; readonly port: string } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  const any = host === '' || host === '0.0.0.0' || host === '::' || host === '*';
  return { host: any ? '127.0.0.1' : host, port: address.slice(colon + 1) };
}
