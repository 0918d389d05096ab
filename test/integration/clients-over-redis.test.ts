// The suites of real clients once more, on a node in front of a redis-server.
process.env['SLUICE_TEST_NODE'] = 'redis';

await import('./clients-ioredis.test.ts');
await import('./clients-node-redis.test.ts');
await import('./clients-python.test.ts');
await import('./clients-redis-tools.test.ts');
