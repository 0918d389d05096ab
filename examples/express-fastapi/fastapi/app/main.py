import os

from fastapi import FastAPI
from redis import asyncio as aioredis
app = FastAPI()

host = os.environ.get('REDIS_HOST', 'myredis')
port = os.environ.get('REDIS_PORT', '6379')

async def connectAndSet():
    redis = aioredis.from_url(f'redis://{host}:{port}')
    await redis.set('pythonkey', 'Python value')

async def connectAndGet():
    redis = aioredis.from_url(f'redis://{host}:{port}')
    value = await redis.get('pythonkey')
    return value

@app.get("/")
async def read_root():
    await connectAndSet()
    value = await connectAndGet()
    return {value}
