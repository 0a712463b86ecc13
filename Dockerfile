# Clearcut in one container: web server and worker, looked after as in `make run`.
#
#   docker build -t clearcut .
#   docker run -p 8000:8000 -v clearcut:/data --stop-timeout 40 clearcut
#
# /data keeps database, pictures and the secret key. Settings are environment variables (README).
# For both kinds of processor: docker buildx build --platform linux/amd64,linux/arm64 .

FROM python:3.11-slim-trixie AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements.txt requirements-s3.txt ./
# Tests of libraries are a fifth of what they weigh.
RUN python -m venv .venv \
    && .venv/bin/python -m pip install --require-hashes --no-deps \
        -r requirements.txt -r requirements-s3.txt \
    && find .venv -type d -name tests -prune -exec rm -rf {} +
COPY . .
# Weights, static files and what is compiled at the first use: nothing of it at the first start.
# Whoever runs it, under whatever number, may write to /data, and to nothing else.
ENV DATA_DIR=/data MEDIA_ROOT=/data/media MODEL_DIR=/app/models NUMBA_CACHE_DIR=/data/numba
RUN .venv/bin/python scripts/run.py --prepare \
    && rm -rf /data/secret_key /data/db.sqlite3* /data/*.lock /data/cache \
    && chmod -R a+rwX /data

FROM python:3.11-slim-trixie
# pg_dump and pg_restore for backups of PostgreSQL; as new as the server in compose.yaml.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home clearcut
WORKDIR /app
# What changes least comes first, so that a new version brings small layers.
COPY --from=build /app/.venv .venv
COPY --from=build /app/models models
COPY --from=build --chown=10001:10001 /data /data
COPY . .
ENV PORT=8000 DATA_DIR=/data MEDIA_ROOT=/data/media MODEL_DIR=/app/models \
    NUMBA_CACHE_DIR=/data/numba PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s \
    CMD ["/app/.venv/bin/python", "scripts/probe.py"]
CMD ["/app/.venv/bin/python", "scripts/run.py"]
