# What every script in the guest finds.
say() { echo "@$*"; }
fail() { echo "FAILED: $*"; exit 1; }
is() { [ "$1" = "$2" ] || fail "it is '$1', should be '$2'"; }

# until_true SECONDS COMMAND...
until_true() {
	local end=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	until "$@"; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$end" ] || fail "does not become true: $*"
		sleep 0.2
	done
}

state_is() { [ "$(davit -p shop ps -a --format json "$1" | jq -rs 'flatten | .[0].State')" = "$2" ]; }
health_is() { [ "$(davit -p shop ps -a --format json "$1" | jq -rs 'flatten | .[0].Health')" = "$2" ]; }
davit_stops() { [ ! -e /var/lib/davit/projects/shop ] || [ "$(lines web 'web stops')" != 0 ]; }
lines() { davit -p shop logs --no-log-prefix "$1" | grep -c -- "$2" || :; }
keeper_group() { sed -n 's/^0:://p' "/proc/$(pgrep -x davit-keeper)/cgroup"; }

begin() {
	davit load -i /images/busybox.tar >/dev/null
	sync
	mkdir -p /srv/shop && cd /srv/shop
	cat >compose.yaml <<-'END'
		name: shop
		services:
		  db:
		    image: busybox
		    command: sh -c 'trap "echo db stops; exit 0" TERM; echo db starts; touch /tmp/ready; while :; do sleep 0.2; done'
		    healthcheck: {test: test -e /tmp/ready, interval: 2s, timeout: 60s, start_interval: 500ms, start_period: 120s}
		    stop_grace_period: 60s
		    mem_limit: 64m
		    cpus: 0.5
		    pids_limit: 50
		  job: {image: busybox, command: echo job runs, depends_on: {db: {condition: service_healthy}}}
		  web:
		    image: busybox
		    command: sh -c 'trap "echo web stops; exit 0" TERM; echo web starts; n=0; while :; do n=$$((n + 1)); echo line $$n; sleep 0.2; done'
		    stop_grace_period: 60s
		    restart: always
		    depends_on: {db: {condition: service_healthy}, job: {condition: service_completed_successfully}}
		  idle: {image: busybox, command: sleep 1000000, init: true, restart: unless-stopped}
	END
}

# The whole stack as its user left it, its logs readable, nothing amiss; then nothing is left of it.
whole() {
	until_true 60 state_is db running
	until_true 60 state_is web running
	until_true 60 health_is db healthy
	is "$(davit -p shop logs --no-log-prefix db | sort | uniq -c | grep -vc 'db \(starts\|stops\)' || :)" 0
	davit -p shop doctor || fail "doctor"
}
nothing_left() {
	davit -p shop down -t 60
	until_true 20 no_groups
	is "$(ls /run/davit/projects /var/lib/davit/projects | grep -c shop || :)" 0
	is "$(ip -o link | grep -c ': dv' || :)" 0
	is "$(nft list tables | grep -c davit || :)" 0
}
no_groups() { [ -z "$(find /sys/fs/cgroup -path '*davit*shop*' -name cgroup.procs -exec cat {} + 2>/dev/null)" ]; }
