/** Requests that try to get at what is not theirs. Each says what must come of it. */
export function attacks({ apiPort, secretPort }) {
  const urls = [
    'http://169.254.169.254/latest/meta-data/',
    `http://localhost:${secretPort}/`,
    `http://127.0.0.1:${secretPort}/`,
    `http://127.1:${secretPort}/`,
    `http://0x7f000001:${secretPort}/`,
    `http://2130706433:${secretPort}/`,
    `http://0177.0.0.1:${secretPort}/`,
    `http://[::ffff:127.0.0.1]:${secretPort}/`,
    `http://[::1]:${secretPort}/`,
    `http://0.0.0.0:${secretPort}/`,
    `http://127.0.0.1:${apiPort}@127.0.0.1:${secretPort}/`,
    `http://127.0.0.1:${apiPort}\\@127.0.0.1:${secretPort}/`,
    `http://127.0.0.1.:${secretPort}/`,
    `http://127.0.0.1:${apiPort}/redirect?to=${encodeURIComponent(`http://127.0.0.1:${secretPort}/`)}`,
    `http://127.0.0.1:${apiPort}/redirect?to=${encodeURIComponent('file:///etc/passwd')}`,
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
  ];
  const fetches = urls.map((url, i) => ({
    name: `fetch ${url}`,
    target: `/_sluice/fetch?url=${encodeURIComponent(url)}&key=attack${i}`,
    statuses: [400, 403, 502],
  }));
  const key = `/_sluice/fetch?url=${encodeURIComponent(`http://127.0.0.1:${apiPort}/products/1`)}&key=mine`;
  return [
    ...fetches,
    {
      name: 'the old form of a fetch, to the metadata service',
      target: '/?url=http://169.254.169.254/&key=x',
      statuses: [400, 403],
    },
    { name: 'a key that is kept, with its own URL', target: key, statuses: [200] },
    {
      name: 'the same key with another URL',
      target: key.replace('products%2F1', 'products%2F2'),
      statuses: [409],
    },
    { name: 'a captured part that climbs the path of the API', target: '/product:..', statuses: [400] },
    {
      name: 'a page of another site',
      target: '/product:1',
      headers: { 'Sec-Fetch-Site': 'cross-site' },
      statuses: [403],
    },
    {
      name: 'a name that resolves to this machine',
      target: '/product:1',
      headers: { Host: 'evil.example' },
      statuses: [403],
    },
    { name: 'a write to a key that comes from the API', target: '/product:1', method: 'PUT', statuses: [405] },
    {
      name: 'two lengths',
      raw: 'PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na',
      statuses: [400],
    },
    {
      name: 'length and chunks',
      raw: 'PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      statuses: [400],
    },
    { name: 'two hosts', raw: 'GET /x HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n', statuses: [400] },
    { name: 'a folded header', raw: 'GET /x HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n', statuses: [400] },
    {
      name: 'a GET with a body',
      raw: 'GET /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na=b',
      statuses: [400],
    },
    {
      name: 'a header of 100 KB',
      raw: `GET /x HTTP/1.1\r\nHost: localhost\r\nA: ${'a'.repeat(100_000)}\r\n\r\n`,
      statuses: [431],
    },
    { name: 'a line of 20 KB', raw: `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, statuses: [414] },
    { name: 'PURGE', raw: 'PURGE /product:1 HTTP/1.1\r\nHost: localhost\r\n\r\n', statuses: [405] },
  ];
}
