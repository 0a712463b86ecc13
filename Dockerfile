# Clearcut in one container: web server and worker, looked after as in `make run`.
#
#   docker build -t clearcut .
#   docker run -p 8000:8000 -v clearcut:/data clearcut
#
# /data keeps database, pictures and the secret key. Settings are environment variables (README).

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv .venv \
    && .venv/bin/python -m pip install --require-hashes --no-deps -r requirements.txt
COPY . .
# Weights, static files and what is compiled at the first use: nothing of it at the first start.
ENV DATA_DIR=/data MEDIA_ROOT=/data/media MODEL_DIR=/app/models NUMBA_CACHE_DIR=/app/numba
RUN .venv/bin/python scripts/run.py --prepare && rm -f /data/secret_key /data/db.sqlite3*

FROM python:3.11-slim
RUN useradd --uid 1000 --create-home clearcut
COPY --from=build /app /app
# Without a cache that it can write to, numba refuses to work at all.
COPY --from=build --chown=clearcut:clearcut /app/numba /app/numba
COPY --from=build --chown=clearcut:clearcut /data /data
WORKDIR /app
ENV PORT=8000 DATA_DIR=/data MEDIA_ROOT=/data/media MODEL_DIR=/app/models \
    NUMBA_CACHE_DIR=/app/numba PYTHONUNBUFFERED=1
USER clearcut
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s \
    CMD ["/app/.venv/bin/python", "scripts/probe.py"]
CMD ["/app/.venv/bin/python", "scripts/run.py"]
