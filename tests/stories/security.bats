# What a container may do, and what it may use.
load ../lib

sleeper() {
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: [sleep, inf]
	$(cat)
	END
	up
}

# limit NAME-IN-V2 FILE-IN-V1: of the service's group; empty when the host has no such controller
limit() {
	local file
	for file in /sys/fs/cgroup/{,unified/}davit/$PROJECT/one-1/$1 /sys/fs/cgroup/*/davit/$PROJECT/one-1/$2; do
		[ ! -f "$file" ] || { cat "$file"; return; }
	done
}

status_of() { sh_in one "sed -n 's/^$1:[[:space:]]*//p' /proc/1/status"; }

@test "default capabilities, seccomp filter, no new ones by exec" {
	sleeper </dev/null
	is "$(status_of CapEff)" 00000000a80425fb
	is "$(status_of CapBnd)" 00000000a80425fb
	is "$(status_of CapAmb)" 0000000000000000
	is "$(status_of Seccomp)" 2
	is "$(sh_in one "sed -n 's/^Seccomp:[[:space:]]*//p; s/^CapEff:[[:space:]]*//p' /proc/self/status")" "00000000a80425fb
2"
}

@test "what the defaults deny" {
	sleeper </dev/null
	run sh_in one 'mount -t tmpfs x /tmp'
	[ "$status" != 0 ]
	run sh_in one 'unshare -r true'
	[ "$status" != 0 ]
	run sh_in one 'echo 1 >/proc/sys/kernel/panic'
	[ "$status" != 0 ]
	run sh_in one "echo h >/proc/sysrq-trigger"
	[ "$status" != 0 ]
	has "$(sh_in one 'date -s 2030-01-01 2>&1')" "not permitted"
	run sh_in one 'mknod /tmp/disk b 8 0 && head -c 1 /tmp/disk'
	[ "$status" != 0 ]
	is "$(sh_in one 'head -c 1 /proc/kcore | wc -c')" 0
	is "$(sh_in one 'head -c 1 /proc/keys | wc -c')" 0
	is "$(sh_in one 'ls /sys/firmware /proc/acpi 2>/dev/null | grep -v : | tr -d "\n"')" ""
	has "$(sh_in one 'grep " /sys " /proc/mounts')" "ro,"
	is "$(sh_in one 'ls /dev | sort | tr "\n" " "')" "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero "
}

@test "no descriptor of ours is in a container" {
	sleeper </dev/null
	is "$(sh_in one 'ls /proc/1/fd | tr "\n" " "')" "0 1 2 "
}

@test "capabilities can be dropped and added; privileged has all" {
	compose <<-END
	services:
	  none: {image: busybox, command: [sleep, inf], cap_drop: [ALL]}
	  some: {image: busybox, command: [sleep, inf], cap_drop: [ALL], cap_add: [NET_ADMIN, CAP_CHOWN]}
	  all:  {image: busybox, command: [sleep, inf], privileged: true}
	  free: {image: busybox, command: [sleep, inf], security_opt: ["seccomp:unconfined", "no-new-privileges:true"]}
	END
	up
	is "$(sh_in none 'grep CapEff /proc/1/status')" "CapEff:	0000000000000000"
	is "$(sh_in some 'grep CapEff /proc/1/status')" "CapEff:	0000000000001001"
	sh_in all 'mount -t tmpfs x /tmp'
	is "$(sh_in all 'grep Seccomp: /proc/1/status')" "Seccomp:	0"
	is "$(sh_in free 'grep -E "Seccomp:|NoNewPrivs" /proc/1/status')" "NoNewPrivs:	1
Seccomp:	0"
}

@test "limits stand in the cgroup" {
	sleeper <<-END
	    mem_limit: 64m
	    mem_reservation: 32m
	    cpus: 0.5
	    pids_limit: 40
	END
	is "$(limit memory.max memory.limit_in_bytes)" 67108864
	is "$(limit memory.low memory.soft_limit_in_bytes)" 33554432
	is "$(limit pids.max pids.max)" 40
	has "$(limit cpu.max cpu.cfs_quota_us)" 50000
}

@test "limits by deploy.resources" {
	sleeper <<-END
	    deploy:
	      resources:
	        limits: {cpus: "0.25", memory: 48M, pids: 30}
	        reservations: {memory: 24M}
	END
	is "$(limit memory.max memory.limit_in_bytes)" 50331648
	is "$(limit pids.max pids.max)" 30
	has "$(limit cpu.max cpu.cfs_quota_us)" 25000
}

@test "a process beyond mem_limit is killed, and ps says so" {
	compose <<-END
	services:
	  hog: {image: busybox, command: ["sh", "-c", "head -c 100m /dev/zero | tail"], mem_limit: 24m, memswap_limit: 24m}
	END
	up
	wait_until 15 state_is hog exited
	[ "$(ps_field hog ExitCode)" != 0 ]
}

@test "ulimits, shm_size, oom_score_adj, tmpfs, read_only, hostname, sysctls, init" {
	sleeper <<-END
	    ulimits:
	      nofile: {soft: 111, hard: 222}
	      nproc: 333
	    shm_size: 1m
	    oom_score_adj: 500
	    tmpfs: ["/scratch:size=2m,mode=1770"]
	    read_only: true
	    hostname: somebody
	    domainname: example.test
	    sysctls: {net.ipv4.ip_default_ttl: 77}
	    init: true
	    group_add: ["4321"]
	END
	is "$(sh_in one 'ulimit -Sn; ulimit -Hn')" "111
222"
	has "$(sh_in one 'grep processes /proc/1/limits')" 333
	is "$(sh_in one 'df -k /dev/shm /scratch | awk "NR > 1 { print \$2 }" | tr "\n" " "')" "1024 2048 "
	is "$(sh_in one 'cat /proc/1/oom_score_adj')" 500
	is "$(sh_in one 'stat -c %a /scratch')" 1770
	run sh_in one 'echo x >/etc/new'
	has "$output" "Read-only"
	is "$(sh_in one hostname)" somebody
	is "$(sh_in one 'cat /proc/sys/net/ipv4/ip_default_ttl')" 77
	has "$(sh_in one 'tr "\0" " " </proc/1/cmdline')" init
	has "$(sh_in one id)" 4321
	davit stop -t 10
	is "$(ps_field one ExitCode)" 143
}

@test "runc runs the same" {
	sleeper <<-END
	    runtime: runc
	END
	is "$(status_of CapEff)" 00000000a80425fb
	is "$(status_of Seccomp)" 2
	is "$(sh_in one 'ls /proc/1/fd | tr "\n" " "')" "0 1 2 "
	davit restart -t 0
	is "$(sh_in one 'echo again')" again
}

@test "runc by DAVIT_RUNTIME" {
	export DAVIT_RUNTIME=runc
	sleeper </dev/null
	is "$(sh_in one 'echo there')" there
	kill -9 "$(pid_of one)"
	wait_until 5 state_is one exited
	is "$(ps_field one ExitCode)" 137
}
