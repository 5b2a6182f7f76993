#!/usr/bin/env bash
# Starts a PostgreSQL cluster and PgBouncer for tests, runs a command with the variables that lead to them, and ends them:
#   tests/postgres.sh cargo nextest run postgres
# Needs Debian's postgresql and pgbouncer. Runs them as the user postgres where it is root, because they refuse to be root.
set -euo pipefail

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -x "$bin/initdb" ] || { echo 'no PostgreSQL: install postgresql' >&2; exit 1; }
export TEST_POSTGRES_HOME=$(mktemp -d /tmp/postgres-of-test.XXXXXX)
home=$TEST_POSTGRES_HOME
as=()
if [ "$(id -u)" = 0 ]; then
  as=(setpriv --reuid postgres --regid postgres --clear-groups env HOME="$home")
  chown postgres:postgres "$home"
fi
chmod 755 "$home"
end() {
  for pid in "$home"/*/postmaster.pid; do
    [ -e "$pid" ] && "${as[@]}" "$bin/pg_ctl" -s -D "$(dirname "$pid")" -m immediate stop || :
  done
  [ -e "$home/pgbouncer.pid" ] && kill "$(cat "$home/pgbouncer.pid")" || :
  rm -rf "$home"
}
trap end EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# A cluster of this name, with more settings. Nobody but this machine reaches it, and it may lose everything with the power,
# which makes tests faster.
cluster() {
  local name=$1 port=$2
  shift 2
  [ -d "$home/empty" ] || "${as[@]}" "$bin/initdb" -D "$home/empty" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
  "${as[@]}" cp -r "$home/empty" "$home/$name"
  "${as[@]}" tee -a "$home/$name/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$home'
max_connections = 400
shared_buffers = 64MB
fsync = ${TEST_POSTGRES_FSYNC:-off}
$(printf '%s\n' "$@")
CONF
  "${as[@]}" "$bin/pg_ctl" -s -w -D "$home/$name" -l "$home/$name.log" start >/dev/null
}

"${as[@]}" tee "$home/hba.conf" >/dev/null <<'CONF'
local   all all                  trust
hostssl all with_password all    scram-sha-256
hostssl all all           all    trust
CONF

port=$(free_port)
cluster main "$port"
export TEST_POSTGRES="postgres://postgres@127.0.0.1:$port"

if command -v pgbouncer >/dev/null; then
  bouncer=$(free_port)
  "${as[@]}" tee "$home/pgbouncer.ini" >/dev/null <<CONF
[databases]
* = host=127.0.0.1 port=$port
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $bouncer
unix_socket_dir =
auth_type = trust
auth_file = $home/users
pool_mode = transaction
default_pool_size = 2
max_client_conn = 1000
pidfile = $home/pgbouncer.pid
logfile = $home/pgbouncer.log
CONF
  "${as[@]}" tee "$home/users" >/dev/null <<<'"postgres" ""'
  "${as[@]}" pgbouncer -q -d "$home/pgbouncer.ini"
  export TEST_PGBOUNCER="postgres://postgres@127.0.0.1:$bouncer"
fi

# One that speaks TLS, with a certificate for localhost that only an authority of its own has signed, and a role with a password.
authority() { "${as[@]}" openssl "$@" 2>/dev/null; }
authority req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority-of-test -keyout "$home/ca.key" -out "$home/ca.pem"
authority req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$home/server.key" -out "$home/server.csr"
"${as[@]}" tee "$home/server.ext" >/dev/null <<<'subjectAltName = DNS:localhost'
authority x509 -req -in "$home/server.csr" -CA "$home/ca.pem" -CAkey "$home/ca.key" -CAcreateserial -days 2 \
  -extfile "$home/server.ext" -out "$home/server.pem"
port=$(free_port)
cluster tls "$port" 'ssl = on' "ssl_cert_file = '$home/server.pem'" "ssl_key_file = '$home/server.key'" \
  "hba_file = '$home/hba.conf'"
export TEST_POSTGRES_TLS="localhost:$port" TEST_POSTGRES_CA="$home/ca.pem"

# One that may be stopped and started.
port=$(free_port)
cluster frail "$port"
for order in stop start; do
  printf '#!/bin/sh\nexec %s %s -s -w -D %s -l %s -m immediate %s >/dev/null 2>&1\n' \
    "${as[*]}" "$bin/pg_ctl" "$home/frail" "$home/frail.log" "$order" >"$home/$order"
  chmod +x "$home/$order"
done
export TEST_POSTGRES_FRAIL="postgres://postgres@127.0.0.1:$port"

"$@"
