#!/usr/bin/env bash
# Runs a command with a throw-away PostgreSQL server of its own:
#   scripts/postgres.sh go test ./...
# The command finds the server's URL in DEPUTY_TEST_POSTGRES. The server listens
# on a free loopback port, keeps its data in a temporary folder and ends with the
# command. DEPUTY_POSTGRES_FSYNC=on makes it durable, as the benchmarks need it.
set -euo pipefail

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
if [ -z "$bin" ]; then
  echo "postgres.sh: no PostgreSQL server found; 'make tools' installs one" >&2
  exit 1
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/deputy-postgres.XXXXXX")
port=$(python3 - <<'PY' 2>/dev/null || echo $((20000 + RANDOM % 20000))
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])
PY
)
# PostgreSQL refuses to run as root: the postgres user of its package owns the data.
as=()
if [ "$(id -u)" = 0 ]; then
  chown postgres "$dir"
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
stop() {
  cd /
  "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap stop EXIT
(
  cd "$dir"
  "${as[@]}" "$bin/initdb" -D "$dir/data" -U postgres -A trust --no-sync >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
  fsync=${DEPUTY_POSTGRES_FSYNC:-off}
  "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/data/log" start \
    -o "-h 127.0.0.1 -p $port -k $dir -c fsync=$fsync -c synchronous_commit=$fsync -c max_connections=200 -c shared_buffers=256MB" >/dev/null \
    || { cat "$dir/data/log" >&2; exit 1; }
)
export DEPUTY_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
"$@"
