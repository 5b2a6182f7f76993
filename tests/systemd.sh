#!/usr/bin/env bash
# Installs the Debian package in a throw-away Debian with a real systemd, against the program's own sandbox, and does to the
# service what operators and machines do: starts, reloads, kills, hangs, stops, misconfigures, upgrades and removes it.
#
#   tests/systemd.sh [DEB]     builds the package if none is named, not optimised, then tests it
#   tests/systemd.sh --can     whether this machine can boot one; says why not
#
# Needs root and Debian's packages debootstrap and systemd-container, which it installs. Nothing in the box can reach a
# network: it has a loopback of its own.
set -euo pipefail
named=${1:+$(realpath --canonicalize-missing -- "$1")}
cd "$(dirname "$0")/.."

cache=${SYSTEMD_BOX_CACHE:-/var/tmp/callback-prioritizer-box}
seconds=${SYSTEMD_BOX_SECONDS:-300}

tools() {
  command -v systemd-nspawn >/dev/null && command -v debootstrap >/dev/null && return
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap systemd-container >/dev/null
}

# A small Debian, made once.
debian() {
  [ -e "$cache/.whole" ] && return
  rm -rf "$cache"
  debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,procps,ca-certificates,curl bookworm "$cache" >/dev/null
  touch "$cache/.whole"
}

# Boots it with a script, and gives back what the script says and how it ends.
box() {
  local box rc; box=$(mktemp -d /var/tmp/box.XXXXXX)
  # shellcheck disable=SC2064
  trap "rm -rf '$box'" EXIT
  cp -a "$cache"/. "$box"/
  install -m755 /dev/stdin "$box/script"
  [ $# -eq 0 ] || cp "$@" "$box/root/"
  cat > "$box/etc/systemd/system/script.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c '/script >/out 2>&1; echo $? >/rc; systemctl poweroff --no-block'
UNIT
  mkdir -p "$box/etc/systemd/system/default.target.wants"
  ln -s ../script.service "$box/etc/systemd/system/default.target.wants/script.service"
  timeout "$seconds" systemd-nspawn --quiet --directory="$box" --boot --register=no --keep-unit --private-network \
    --machine="box$$" >"$box/console" 2>&1 </dev/null || true
  cat "$box/out" 2>/dev/null || { echo 'the script never ran:'; tail -5 "$box/console"; }
  rc=$(cat "$box/rc" 2>/dev/null || echo 70)
  rm -rf "$box"
  return "$rc"
}

package() {
  command -v cargo-deb >/dev/null || cargo install --quiet --locked cargo-deb
  command -v dpkg-shlibdeps >/dev/null || apt-get install -y -qq dpkg-dev >/dev/null
  cargo run --quiet --locked --example manual -- target/manual
  cargo build --quiet --locked
  # As it is, without the minutes that optimising takes, and where no release build is in its way.
  install -D target/debug/callback-prioritizer target/package/release/callback-prioritizer
  CARGO_TARGET_DIR=target/package cargo deb --quiet --no-build --strip --output target/package/tested.deb >&2
  echo target/package/tested.deb
}

if [ "${1:-}" = --can ]; then
  [ "$(id -u)" = 0 ] || { echo 'it takes root'; exit 1; }
  command -v apt-get >/dev/null || { echo 'it takes Debian'; exit 1; }
  { tools && debian && seconds=60 box <<<'true'; } >/dev/null 2>&1 || { echo 'systemd does not boot in systemd-nspawn here'; exit 1; }
  exit 0
fi

tools
debian
deb=${named:-$(package)}
box "$deb" <<'BOX'
#!/bin/bash
# What happens in the box.
unit=callback-prioritizer
settings=/etc/callback-prioritizer/settings.toml
secret=/etc/callback-prioritizer/client_secret
platform=http://127.0.0.1:8080
passed=0 failed=0 skipped=0

ok() { passed=$((passed + 1)); echo "ok: $1"; }
not_ok() { failed=$((failed + 1)); echo "NOT OK: $1"; journalctl --no-pager -o cat -n 25 -u "$unit"; }
# A sentence, and a command that must be so.
must() { local said=$1; shift; if "$@" >/tmp/why 2>&1; then ok "$said"; else not_ok "$said"; head -5 /tmp/why; fi; }
property() { systemctl show --value -p "$1" "$unit"; }
pid() { property MainPID; }
is() { [ "$(property "$1")" = "$2" ]; }
# Waits until a command succeeds, up to half a minute.
until_so() { local n; for n in $(seq 150); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done; return 1; }
order() { curl -sf -d "$2" "$platform/sandbox/$1"; }
# A customer asks for a callback: its conversation.
callback() { order callbacks '{"queue":"Support","priority":3}' | sed 's/.*"conversationId":"\([^"]*\)".*/\1/'; }
# From here on, only what is logged from now on counts.
mark() {
  systemd-cat --identifier=mark echo here
  journalctl --sync
  cursor=$(journalctl --no-pager -n 1 -t mark --show-cursor -o cat | sed -n 's/^-- cursor: //p')
}
# How many log lines of the service contain a text.
lines() { journalctl --no-pager -o cat -u "$unit" --cursor="$cursor" "${@:2}" | grep -ce "$1"; }
says() { [ "$(lines "$@")" -gt 0 ]; }
silent() { ! says "$@"; }
has_restarted() { [ "$(pid)" != 0 ] && [ "$(pid)" != "$before" ] && is ActiveState active; }
# Runs a command, and notes in `took` how many milliseconds it took.
timed() { local start; start=$(date +%s%N); "$@"; local rc=$?; took=$((($(date +%s%N) - start) / 1000000)); return $rc; }
within() { [ "$took" -ge "$1" ] && [ "$took" -le "$2" ]; }
# That it ended so, once, and is not started again.
stays_down() { sleep 7; is ActiveState failed && is ExecMainStatus "$1" && is NRestarts 0; }

echo '== install'
must 'the package installs' dpkg -i /root/*.deb
must 'it is not started: it has no settings yet' is ActiveState inactive
must 'nor enabled' test "$(systemctl is-enabled $unit)" = disabled
must 'systemd finds nothing wrong with the unit' test -z "$(systemd-analyze verify --man=no $unit.service 2>&1)"
must 'its exposure is 1.3 at most' systemd-analyze security --no-pager --threshold=13 "$unit.service"
must 'it can be enabled' systemctl --quiet enable $unit
must 'the settings are a conffile' grep -q /settings.toml "/var/lib/dpkg/info/$unit.conffiles"
must 'a man page for each command' test "$(ls /usr/share/man/man1/$unit*.1.gz | wc -l)" -ge 7
must 'completions for bash' bash -c ". /usr/share/bash-completion/completions/$unit && complete -p $unit"
must 'completions for zsh and fish' test -s "/usr/share/zsh/vendor-completions/_$unit" -a -s "/usr/share/fish/vendor_completions.d/$unit.fish"

echo '== a secret that is not there'
systemctl start $unit 2>/dev/null
must 'ends it, and is not tried again' stays_down 243
systemctl reset-failed $unit

echo '== the platform, and settings for it'
systemd-run --quiet --unit=platform $unit sandbox --listen 127.0.0.1:8080
until_so curl -sf "$platform/sandbox/requests" || { journalctl -n 20 -u platform; exit 70; }
cat > $settings <<'TOML'
[genesys]
api_url = "http://127.0.0.1:8080/"
login_url = "http://127.0.0.1:8080/"
client_id = "sandbox"

[policy]
wait = "1s"
TOML
install -m600 /dev/null $secret

echo '== a bad secret'
echo wrong > $secret
systemctl start $unit 2>/dev/null
must 'is denied, and not tried again' stays_down 77
systemctl reset-failed $unit
echo sandbox > $secret

echo '== bad settings'
sed -i 's/"1s"/"soon"/' $settings
mark
systemctl start $unit 2>/dev/null
must 'are refused, and not tried again' stays_down 78
must 'the refusal is an error in the journal' says 'policy.wait' -p err
systemctl reset-failed $unit
sed -i 's/"soon"/"1s"/' $settings

echo '== start'
conversation=$(callback)
order faults '{"fault":"requests","effect":"delay","method":"POST","path":"/api/v2/analytics/","delay":"3s","times":1}'
mark
timed systemctl start $unit
must "start waits for the first sweep ($took ms)" within 3000 30000
must 'then it is ready' $unit healthcheck --config $settings
must 'systemctl shows what it does' bash -c "systemctl show --value -p StatusText $unit | grep -q '^1 callback tracked'"
must 'it raises' until_so says '"priority raised"'
must 'check has said what the settings mean' says 'The settings are good.'
must 'it is nobody: a user made for it' test "$(ps -o uid= -p "$(pid)" | tr -d ' ')" -ge 61184
must 'its journal is its own' test "$(stat -c %a /var/lib/private/$unit)" = 700
must 'the secret is not in its environment' bash -c "! tr '\\0' '\\n' </proc/$(pid)/environ | grep -q sandbox"
must 'the history is read beside it' bash -c "STATE_DIRECTORY=/var/lib/$unit $unit history --since 1h | grep -q ."

echo '== journal'
must 'a line keeps its form' says '^{"timestamp":.*"message":"priority raised"'
must 'a raise is information' says '"priority raised"' -p info..info
mark
order faults '{"fault":"cut_sockets"}'
must 'a warning is a warning' until_so says '"level":"WARN"' -p warning
must 'and nothing less is' silent '"level":"INFO"' -p warning

echo '== reload'
before=$(pid)
mark
sed -i 's/"1s"/"soon"/' $settings
must 'broken settings are refused' bash -c "! systemctl reload $unit"
must 'which says why' says 'policy.wait'
must 'and the old ones go on' test "$(pid)" = "$before" -a "$(property ActiveState)" = active
sed -i 's/"soon"/"2s"/' $settings
if [ $((16#$(sed -n 's/^SigCgt:\s*//p' "/proc/$before/status") & 1)) = 1 ]; then
  mark
  must 'good ones are taken up' systemctl reload $unit
  must 'which is said' until_so says '^{.*policy.wait'
  must 'in the same process' test "$(pid)" = "$before"
else
  skipped=$((skipped + 1)); echo 'skipped: good ones, because this program does not catch SIGHUP'
fi
sed -i 's/"2s"/"1s"/' $settings

echo '== kill -9'
before=$(pid)
systemctl kill --signal=KILL $unit
mark
must 'it comes back' until_so has_restarted
must 'as one restart' is NRestarts 1
must 'and goes on raising' until_so says '"priority raised"'

echo '== a hang, with a watchdog of 10 s'
mkdir -p /etc/systemd/system/$unit.service.d
printf '[Service]\nWatchdogSec=10\n' > /etc/systemd/system/$unit.service.d/sooner.conf
systemctl daemon-reload
order "conversations/$conversation/answer" '' >/dev/null
systemctl restart $unit
before=$(pid)
sleep 15
must 'idle is none' test "$(pid)" = "$before" -a "$(property NRestarts)" = 0
callback >/dev/null
kill -STOP "$before"
mark
timed until_so is NRestarts 1
must "SIGSTOP is ended by the watchdog ($took ms)" is NRestarts 1
must 'which is why' says 'Watchdog timeout' -t systemd
must 'and it comes back' until_so has_restarted
must 'and goes on raising' until_so says '"priority raised"'

echo '== stop'
order faults '{"fault":"requests","effect":"delay","method":"PATCH","delay":"4s","times":1}'
sleep 1.5
mark
timed systemctl stop $unit
must "within the grace time ($took ms)" within 0 12000
must 'in good order' is Result success
must 'with all requests finished' says '"how":"drained"'
must 'and not started again' is ActiveState inactive

echo '== upgrade and removal'
systemctl start $unit
before=$(pid)
must 'an upgrade installs' dpkg -i /root/*.deb
must 'and restarts what was running' until_so has_restarted
must 'the settings are kept' grep -q 127.0.0.1:8080 $settings
must 'removal stops it' bash -c "dpkg -r $unit && ! systemctl is-active $unit"
must 'purging takes the settings too' bash -c "dpkg -P $unit && ! test -e $settings"

echo
[ "$skipped" = 0 ] && echo "$passed passed, $failed failed" || echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
BOX
