// biome-ignore-all lint/style/noCommonJs: an application as people have them
const redis = require('redis');
const express = require('express');
const app = express();
const port = process.env.PORT ?? 3000;

const socket = { host: process.env.REDIS_HOST ?? 'myredis', port: Number(process.env.REDIS_PORT ?? 6379) };

async function connectAndSet() {
  const client = redis.createClient({ socket });

  client.on('error', (err) => console.log('Redis Client Error', err));

  await client.connect();
  await client.set('expresskey', 'Express value');
  await client.disconnect();
}

async function connectAndGet() {
  const client = redis.createClient({ socket });

  client.on('error', (err) => console.log('Redis Client Error', err));

  await client.connect();
  const value = await client.get('expresskey');
  console.log(value);
  await client.disconnect();
  console.log(value);
  return value;
}

app.get('/', async (req, res) => {
  await connectAndSet();
  const value = await connectAndGet();
  res.json({ value: value });
});

app.listen(port, () => {
  console.log(`Example app listening on port ${port}`);
});
