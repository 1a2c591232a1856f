"""`/metrics`: the counters of all processes summed, and gauges read from the truth."""

import os

from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from revctx.observability.registry import GaugeCollector


def metrics(request: HttpRequest) -> HttpResponse:
    """Print every metric in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        body = generate_latest(registry)
    else:
        body = generate_latest(REGISTRY)
    gauges = CollectorRegistry(auto_describe=False)
    gauges.register(GaugeCollector())
    return HttpResponse(body + generate_latest(gauges), content_type=CONTENT_TYPE_LATEST)
