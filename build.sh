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

  run [ARGUMENT…]    serve the example functions, with the playground at /, and open that in a
                     browser where there is a terminal (--port N, --host NAME); without Node, or
                     with --demo, embed three sentences with the default model and show how near
                     they are
  test [ARGUMENT…]   run all tests; arguments go to pytest
  conformance [ROOM…]
                     run the shared cases in every host that is found, and write
                     docs/portability.md; rooms are cpython, sandbox, browser, js;
                     EDGELET_PYTHONS names further Pythons that have edgelet and pytest
  lint               ruff, mypy --strict and tsc --strict
  bench NAME         run a benchmark (embed, stream, browser, sandbox, serve, cold)
  bundle             make the npm package's dist/, and say how large its files are
  component          make the component that runs functions, and compile it for this machine
  setup              make .venv, install everything, prepare the default model and the
                     component, bundle
  clean              remove what the other tasks made
  help               this text

The npm package, the playground and their tests need Node 20 or newer; the rest does not.
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
    quietly "$PYTHON" -m pip install --quiet --editable ".[functions]"
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

has_node() {
  node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null
}

without_node() {
  printf '%s, because Node 20 or newer is not installed\n' "$1" >&2
}

# No package runs a program of its own while it is installed (js-shim/.npmrc); Bun and Deno alone must,
# to put their executables in place.
install_npm() {
  local stamp=js-shim/node_modules/installed
  if [ -e "$stamp" ] && [ "$stamp" -nt js-shim/package-lock.json ]; then
    return
  fi
  printf 'installing npm packages…\n' >&2
  (cd js-shim && quietly npm ci && quietly node node_modules/bun/install.js &&
    quietly node node_modules/deno/install.cjs)
  touch "$stamp"
}

# Browsers for the tests: the system's, from its packages where that may be; else Playwright's own.
# Without Firefox its tests are left out.
install_browsers() {
  if ! has_any chromium chromium-browser google-chrome; then
    install_packages chromium firefox-esr || "$VENV/bin/playwright" install chromium >/dev/null 2>&1 ||
      printf 'the browser tests need Chromium, which could not be installed; install it with your package manager\n' >&2
  fi
}

has_any() {
  local name
  for name in "$@"; do
    command -v "$name" >/dev/null && return
  done
  return 1
}

install_packages() {
  [ "$(id -u)" -eq 0 ] && has_any apt-get || return
  printf 'installing %s…\n' "$*" >&2
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"; } >/dev/null 2>&1
}

component() {
  install edgelet
  "$PYTHON" -m edgelet_host.sandbox.component
}

bundle() {
  has_node || fail "the bundle needs Node 20 or newer; install it from https://nodejs.org"
  install_npm
  install edgelet
  install bundle
  "$VENV/bin/edgelet" models export all-MiniLM-L6-v2 js-shim/dist/assets/models >/dev/null
  PYTHONPATH=wasm/pyodide "$PYTHON" -m bundle "$@"
  node js-shim/build.mjs "$@"
  node js-shim/build.mjs --types
}

setup() {
  install edgelet
  install lint
  install test
  "$VENV/bin/edgelet" models build all-MiniLM-L6-v2
  component
  if has_node; then
    install_browsers
    bundle
  else
    without_node 'the npm package and the playground were not built'
  fi
}

run() {
  install edgelet
  if [ "${1:-}" != --demo ] && has_node; then
    bundle
    component >/dev/null
    if [ -t 1 ]; then
      set -- --open "$@"
    fi
    export EDGELET_DENO=${EDGELET_DENO:-$PWD/js-shim/node_modules/deno/deno}
    export AI_INFERENCE_API_HOST=${AI_INFERENCE_API_HOST:-http://127.0.0.1:11434}
    exec "$PYTHON" js-shim/playground/serve.py --directory js-shim/dist --project examples \
      --port 54321 "$@"
  fi
  has_node || without_node 'this is the demo in the terminal instead of the playground'
  "$VENV/bin/edgelet" demo
  printf '\nIn this clone the command is %s/bin/edgelet; `source %s/bin/activate` makes it edgelet.\n' "$VENV" "$VENV"
}

prepare_tests() {
  install edgelet
  install test
  component >/dev/null
  if has_node; then
    install_browsers
    bundle
  else
    without_node 'the tests of the npm package are left out'
  fi
}

conformance() {
  prepare_tests
  "$PYTHON" -m tests.conformance "$@"
}

test() {
  prepare_tests
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
  if has_node; then
    install_npm
    node js-shim/build.mjs --types
  else
    without_node 'the types of the npm package were not checked'
  fi
}

bench() {
  local name=${1:-embed}
  shift || true
  [ -e "bench/$name.py" ] || [ -e "bench/$name/__main__.py" ] ||
    fail "there is no benchmark '$name'; use embed, stream, browser, sandbox, serve or cold"
  install edgelet
  if [ "$name" = sandbox ]; then
    component >/dev/null
  elif [ "$name" = browser ] || [ "$name" = cold ]; then
    install test
    install_browsers
    bundle
  elif [ "$name" = serve ]; then
    component >/dev/null
    bundle
    export EDGELET_DENO=${EDGELET_DENO:-$PWD/js-shim/node_modules/deno/deno}
  elif [ "$name" = stream ]; then
    install test
  fi
  "$PYTHON" -m "bench.$name" "$@"
}

clean() {
  rm -rf "$VENV" bench/embed/peers/.venv build dist js-shim/dist js-shim/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
  find . -name __pycache__ -type d -prune -exec rm -rf {} +
}

task=${1:-help}
shift || true
case "$task" in
  bundle) bundle --sizes ;;
  run | test | conformance | lint | bench | component | setup | clean | help) "$task" "$@" ;;
  *)
    help >&2
    printf '\n' >&2
    printf 'error: there is no task %s\n' "$task" >&2
    exit 2
    ;;
esac
