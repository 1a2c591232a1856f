"""Every counter and histogram of the product, in one catalogue."""

from prometheus_client import Counter, Histogram

INTENT_SCORE_SECONDS = Histogram(
    "intent_score_calculation_seconds",
    "Time to score the accounts of one chunk of signals, seconds.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
SIGNALS_PROCESSED = Counter(
    "signals_processed_total",
    "Signals by the state they reached: accepted, duplicate, conflict, quarantined, scored, skipped.",
    ["source", "type", "status"],
)
CACHE_HITS = Counter("cache_hits_total", "Account reads answered by the hot cache.")
CACHE_MISSES = Counter("cache_misses_total", "Account reads that the hot cache could not answer.")
API_REQUEST_SECONDS = Histogram(
    "api_request_seconds",
    "Time to answer a request, seconds.",
    ["method", "endpoint", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
ENRICHMENT_CALLS = Counter(
    "enrichment_api_calls_total", "Calls to enrichment providers by outcome.", ["provider", "outcome"]
)
CONTEXT_QUALITY = Histogram(
    "context_quality_score_distribution",
    "Quality of an account's context when it was looked at, 0 to 1.",
    buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
)
ACTIONS_TOTAL = Counter("actions_total", "Actions by kind and the state they entered.", ["kind", "state"])
RATE_LIMITED = Counter("rate_limited_signals_total", "Signals refused because their token sent too many.")
RATE_LIMIT_UNCHECKED = Counter(
    "rate_limit_unchecked_total", "Signals taken without looking at the token's rate, for Redis was away."
)
EVENTS_RELAYED = Counter("events_relayed_total", "Events handed to Kafka and acknowledged by it.", ["topic"])
WORK_ITEMS = Counter(
    "work_items_total", "Work items by group and outcome: bridged, done, retried, dead.", ["group", "outcome"]
)

# A labelled counter shows up with its first label only, so that a dashboard knows it from the start.
SIGNALS_PROCESSED.labels("other", "other", "accepted")
ENRICHMENT_CALLS.labels("clearbit", "hit")
