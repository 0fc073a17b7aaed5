#!/bin/sh
# Locks the requirements of pyproject.toml with hashes and without index addresses. Needs uv.
set -eu
cd "$(dirname "$0")/.."
lock() { uv pip compile --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 "$@" >/dev/null; }
lock pyproject.toml -o requirements/base.lock
lock --extra grafana pyproject.toml -c requirements/base.lock -o requirements/grafana.lock
lock --extra s3 pyproject.toml -c requirements/base.lock -o requirements/s3.lock
lock --extra test --extra grafana pyproject.toml -c requirements/base.lock -o requirements/test.lock
# The peers have an environment of their own; only what the fold itself runs on has to be the same.
grep -E '^(holidays|lmdb|msgspec|tzdata)==' requirements/base.lock | tr -d ' \\' |
    lock requirements/peers.in -c /dev/stdin -o requirements/peers.lock
