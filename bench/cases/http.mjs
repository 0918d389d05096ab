import { runWrk } from '../lib/generators.mjs';
import { checkHttp } from '../lib/load.mjs';
import { compare, cpuPerOperation, interleave } from '../lib/measure.mjs';

/** GET of a value over HTTP, keep-alive, against an nginx cache hit and against webdis with its redis-server. */
export const httpCases = [
  {
    name: 'http-get',
    title: 'HTTP GET, against an nginx proxy_cache hit and against webdis + redis-server',
    needs: ['nginx', 'webdis', 'redis-server', 'wrk'],
    run: runHttpCase,
  },
];

/** nginx at its best: so few files that their names and pages are always at hand. */
const hotKeys = 100;

async function runHttpCase({ servers, options, note }) {
  const { keys, connections, rounds, seconds } = options;
  const cachedKeys = options['nginx-keys'];
  const nginx = await servers.nginx();
  const webdis = await servers.webdis();
  const redis = await servers.redis();
  const subject = await servers.httpSubject();

  const side =
    (server, count, alsoCounted = []) =>
    async () => {
      await checkHttp(server.urlOf, count, { rewritten: true });
      const askedBefore = await server.originRequests?.();
      const result = await cpuPerOperation([server, ...alsoCounted], () =>
        runWrk({ ...server.http, keys: count, seconds, connections }),
      );
      // One more: the question itself is a request to the origin.
      if (server.originRequests && (await server.originRequests()) !== askedBefore + 1)
        throw new Error(`${server.name} asked its origin: not every request was a hit`);
      if (result.bytesPerReply < 100) throw new Error(`${server.name} sent ${result.bytesPerReply} bytes per reply`);
      return result;
    };

  const results = await interleave(
    rounds,
    {
      hot: side(nginx, hotKeys),
      nginx: side(nginx, cachedKeys),
      webdis: side(webdis, keys, [redis]),
      subject: side(subject, options.null ? cachedKeys : keys),
    },
    note,
  );
  const figures = (name) => results[name].map(({ microseconds }) => microseconds);
  const against = (name) => ({ unit: 'us', ...compare(figures(name), figures('subject')) });
  return [
    { peerName: `nginx, ${hotKeys} keys`, must: 1.4, aim: 1.15, ...against('hot'), results },
    { peerName: `nginx, ${cachedKeys} keys`, must: 1.4, aim: 1.15, ...against('nginx') },
    { peerName: 'webdis + redis-server', must: 1, ...against('webdis') },
  ];
}
