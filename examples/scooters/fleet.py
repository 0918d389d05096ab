"""Scooters that report about once a second each, at random, with redis-py. run.mjs starts it:

    python3 fleet.py PORT FIRST COUNT CITY…

It prints what became of every command, as "kind id number fate", and ends when its standard input does.
"""

import heapq
import json
import random
import sys
import threading
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

port, first, count = (int(word) for word in sys.argv[1:4])
cities = sys.argv[4:]
# A command that is sent again after its answer was lost could count a ride twice.
client = redis.Redis(port=port, retry=Retry(NoBackoff(), 0), socket_connect_timeout=2)
riding = threading.Event()
riding.set()
THREADS = 8
# As in fleet.mjs.
STOPS = 5


def position(scooter, n):
    """As in ledger.mjs."""
    step = (scooter * 7919 + n * 37) % 20000
    return {
        "lat": f"{(59320000 + step) / 1e6:.6f}",
        "lon": f"{(18060000 + step) / 1e6:.6f}",
        "battery": 100 - n // 5 % 100,
        "report": n,
    }


def send(kind, scooter, n, command, *words):
    try:
        command(*words)
        fate = "accepted"
    except redis.RedisError:
        fate = "unknown"
    sys.stdout.write(f"{kind} {scooter} {n} {fate}\n")
    sys.stdout.flush()
    if fate == "unknown":
        wait_for_sluice()


def wait_for_sluice():
    while riding.is_set():
        try:
            client.ping()
            return
        except redis.RedisError:
            time.sleep(0.1)


def report(scooter, n):
    send("report", scooter, n, lambda: client.hset(f"scooter:{scooter}", mapping=position(scooter, n)))
    if random.random() > 0.1:
        return
    trip = json.dumps({"trip": n, "km": n % 50 / 10})
    send("trip", scooter, n, client.rpush, f"trip:{scooter}", trip)
    send("ride", scooter, 0, client.hincrby, f"rides:{cities[scooter % len(cities)]}", "rides", 1)


def ride(scooters):
    most = {scooter: random.randint(1, 15) for scooter in scooters if scooter % STOPS == 0}
    due = [(time.monotonic() + random.expovariate(1), scooter, 1) for scooter in scooters]
    heapq.heapify(due)
    while due and riding.is_set():
        at, scooter, n = due[0]
        wait = at - time.monotonic()
        if wait > 0:
            time.sleep(min(wait, 0.1))
            continue
        report(scooter, n)
        if n == most.get(scooter):
            heapq.heappop(due)
        else:
            heapq.heapreplace(due, (time.monotonic() + random.expovariate(1), scooter, n + 1))


threads = [
    threading.Thread(target=ride, args=(range(first + i, first + count, THREADS),)) for i in range(THREADS)
]
for thread in threads:
    thread.start()
sys.stdin.read()
riding.clear()
for thread in threads:
    thread.join()
