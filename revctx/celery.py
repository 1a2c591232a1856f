"""Celery: direct queues, hints instead of data, and the beat."""

import os
import sys
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import (
    setup_logging,
    task_prerun,
    worker_process_init,
    worker_ready,
    worker_shutdown,
)
from kombu import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revctx.settings")

from django.conf import settings
from django.db import close_old_connections

from revctx.garbage import spare_loaded_code
from revctx.observability.heartbeats import Heartbeat

app = Celery("revctx")

# A fanout or topic exchange forgets its bindings when Redis is flushed; a direct one does not.
QUEUES = tuple(
    Queue(name, Exchange(name, type="direct"), routing_key=name)
    for name in ("default", "context-engine", "orchestration-engine")
)
app.conf.update(
    broker_url=settings.REDIS_URL or None,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 3600, "socket_timeout": 10, "socket_connect_timeout": 5},
    task_queues=QUEUES,
    task_default_queue="default",
    task_default_exchange="default",
    task_default_routing_key="default",
    task_routes={
        "contexts.tasks.*": {"queue": "context-engine"},
        "orchestration.tasks.*": {"queue": "orchestration-engine"},
    },
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    timezone="UTC",
    # Celery would connect anew for every task, and each connection prepares its statements anew.
    CELERY_DB_REUSE_MAX=sys.maxsize,
    beat_schedule_filename=os.environ.get("CELERY_BEAT_FILE", ".revctx/beat"),
    beat_schedule={
        "sweep": {"task": "revctx.eventbus.tasks.sweep", "schedule": 5.0},
        "reconcile": {"task": "revctx.eventbus.tasks.reconcile", "schedule": 60.0},
        "prune": {"task": "revctx.eventbus.tasks.prune", "schedule": crontab(hour="3", minute="10")},
        "forget": {"task": "revctx.api.tasks.forget_requests", "schedule": crontab(minute="40")},
        "inbound": {"task": "integrations.tasks.prune_inbound", "schedule": crontab(hour="3", minute="30")},
        "execute": {"task": "orchestration.tasks.execute_due", "schedule": 2.0, "options": {"expires": 10}},
        "expire": {"task": "orchestration.tasks.expire_due", "schedule": 60.0, "options": {"expires": 60}},
        "bands": {"task": "contexts.tasks.sweep_bands", "schedule": 60.0, "options": {"expires": 60}},
        "rollouts": {
            "task": "contexts.tasks.roll_out_configs",
            "schedule": 5.0,
            "options": {"expires": 5},
        },
        "verifications": {
            "task": "compliance.tasks.verify_audit",
            "schedule": 4.0,
            "options": {"expires": 4},
        },
        "privacy": {
            "task": "compliance.tasks.run_privacy_requests",
            "schedule": 5.0,
            "options": {"expires": 10},
        },
        "retention": {"task": "compliance.tasks.apply_retention", "schedule": crontab(hour="3", minute="40")},
        "reconciliation": {
            "task": "compliance.tasks.reconcile_audit",
            "schedule": crontab(hour="4", minute="10"),
        },
        "partitions": {
            "task": "compliance.tasks.create_partitions",
            "schedule": crontab(hour="0", minute="20"),
        },
    },
)
app.autodiscover_tasks()

_heartbeats: list[Heartbeat] = []


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Settings have configured logging; Celery must not do it again."""


@worker_process_init.connect
def _spare_loaded_code(**_: Any) -> None:
    spare_loaded_code()


@task_prerun.connect
def _close_old_connections(task: Any, **_: Any) -> None:
    """Do for a task what Django does for a request: let go of a connection that is lost or has its age."""
    if not task.request.is_eager:  # which may run inside its caller's transaction
        close_old_connections()


@worker_ready.connect
def _start_heartbeats(sender: Any, **_: Any) -> None:
    for queue in sender.task_consumer.queues:
        heartbeat = Heartbeat(queue=queue.name, worker=sender.hostname)
        heartbeat.start()
        _heartbeats.append(heartbeat)


@worker_shutdown.connect
def _stop_heartbeats(**_: Any) -> None:
    for heartbeat in _heartbeats:
        heartbeat.stop()
