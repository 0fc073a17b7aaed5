# One image for all of our parts; `gs766 part NAME` chooses which one a container runs.
FROM python:3.11-slim-bookworm AS environment
WORKDIR /app
RUN python -m venv /venv
COPY requirements/base.lock requirements/base.lock
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/base.lock

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home gs766 && install -d -o gs766 -g gs766 -m 0700 /data /seals
COPY --from=environment /venv /venv
WORKDIR /app
COPY --chown=root:root . /app
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 GS766_DATA=/data
USER gs766
VOLUME /data /seals
ENTRYPOINT ["python", "-m", "ops.cli"]
CMD ["--help"]
