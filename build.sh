#!/usr/bin/env bash
# Every task of the project. `./build.sh help` lists them; each sets up what it needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

VENV=.venv
PYTHON=$VENV/bin/python

fail() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

help() {
  cat <<'TEXT'
usage: ./build.sh TASK [ARGUMENT…]

  run                embed three sentences with the default model, and show how near they are
  test [ARGUMENT…]   run all tests; arguments go to pytest
  lint               ruff and mypy --strict
  bench NAME         run a benchmark (embed, stream)
  setup              make .venv, install everything, prepare the default model
  clean              remove what the other tasks made
  help               this text
TEXT
}

find_python() {
  local candidate
  for candidate in "${EDGELET_PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "edgelet needs Python 3.11 or newer; install it, or name one with EDGELET_PYTHON=/path/to/python"
}

# The groups of dependencies that tasks ask for are installed once, until pyproject.toml changes.
install() {
  local group=$1 stamp=$VENV/installed-$1
  if [ -e "$stamp" ] && [ "$stamp" -nt pyproject.toml ]; then
    return
  fi
  if [ ! -x "$PYTHON" ]; then
    local python
    python=$(find_python)
    "$python" -m venv "$VENV" || fail "$python cannot make a virtual environment; install its venv module"
  fi
  printf 'installing %s…\n' "$group" >&2
  if ! "$PYTHON" -c 'import sys, pip; sys.exit(int(pip.__version__.split(".")[0]) < 25)'; then
    quietly "$PYTHON" -m pip install --quiet --upgrade 'pip>=25.1'
  fi
  if [ "$group" = edgelet ]; then
    quietly "$PYTHON" -m pip install --quiet --editable .
  else
    quietly "$PYTHON" -m pip install --quiet --group "$group"
  fi
  touch "$stamp"
}

quietly() {
  local output
  if ! output=$("$@" 2>&1); then
    fail "packages could not be installed ($(tail -n 1 <<<"$output")); check the network, or the index that pip is set to use"
  fi
}

setup() {
  install edgelet
  install lint
  install test
  "$VENV/bin/edgelet" models build all-MiniLM-L6-v2
}

run() {
  install edgelet
  "$VENV/bin/edgelet" demo
  printf '\nIn this clone the command is %s/bin/edgelet; `source %s/bin/activate` makes it edgelet.\n' "$VENV" "$VENV"
}

test() {
  install edgelet
  install test
  if [ $# -eq 0 ]; then
    set -- --cov=edgelet --cov-report=term-missing:skip-covered
  fi
  "$PYTHON" -m pytest "$@"
}

lint() {
  install edgelet
  install lint
  install test # mypy reads the types of what the tests import
  "$VENV/bin/ruff" check .
  "$VENV/bin/ruff" format --check .
  "$PYTHON" -m mypy
}

bench() {
  install edgelet
  local name=${1:-embed}
  [ -e "bench/$name.py" ] || fail "there is no benchmark '$name'; use embed or stream"
  shift || true
  "$PYTHON" "bench/$name.py" "$@"
}

clean() {
  rm -rf "$VENV" dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
  find . -name __pycache__ -type d -prune -exec rm -rf {} +
}

task=${1:-help}
shift || true
case "$task" in
  run | test | lint | bench | setup | clean | help) "$task" "$@" ;;
  *)
    help >&2
    printf '\n' >&2
    printf 'error: there is no task %s\n' "$task" >&2
    exit 2
    ;;
esac
