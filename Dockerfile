# syntax=docker/dockerfile:1

# --- wheels: compilers and pip's caches stay in this stage -----------------------------------
FROM python:3.12-slim-bookworm AS wheels
WORKDIR /build
COPY requirements.txt .
RUN pip wheel --no-cache-dir --wheel-dir /wheels -r requirements.txt

# --- the image that runs: every process of the product, one command each ---------------------
FROM python:3.12-slim-bookworm
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

# The OpenAI client trusts the system's certificates, which a slim image may lack.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 revctx \
    && useradd --uid 10001 --gid revctx --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin revctx \
    && install -d -o revctx -g revctx /var/lib/revctx /var/lib/revctx/metrics /var/lib/revctx/anchors /var/lib/revctx/erasures /srv/revctx

RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --no-compile /wheels/*.whl

WORKDIR /srv/revctx
COPY . .

# Laboratory mode needs no secret but this one, which only this step sees. The sources stay root's:
# the running user can read the program and not change it.
RUN EXECUTION_MODE=laboratory \
    LAB_DATABASE_URL=postgres://collectstatic@127.0.0.1/none \
    SECRET_KEY="$(head -c 40 /dev/urandom | base64 | tr -d '\n')" \
    python manage.py collectstatic --noinput \
    && python -m compileall -q -j 0 .

# The counters of all processes: one volume of all services, see docker-compose.yml.
ENV PROMETHEUS_MULTIPROC_DIR=/var/lib/revctx/metrics
USER revctx
EXPOSE 8000
STOPSIGNAL SIGTERM

# Exec form: the server is process 1 and gets SIGTERM itself. Other services name their own command.
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--blocking-threads", "32", "--respawn-failed-workers", "--no-ws", \
     "--log-level", "error", "revctx.wsgi:application"]
