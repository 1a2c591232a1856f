"""A bare Celery hop: the task says when it began, and nothing else."""

import os
import time

import redis
from celery import Celery

app = Celery("hop", broker=os.environ["REDIS_URL"])
app.conf.worker_prefetch_multiplier = 1
BEGAN = "bench:hop"  # a list in Redis, a time a task, seconds of the epoch

_redis = redis.Redis.from_url(os.environ["REDIS_URL"])


@app.task(ignore_result=True)
def note() -> None:
    """Say when this began."""
    began = time.time()
    _redis.rpush(BEGAN, began)
