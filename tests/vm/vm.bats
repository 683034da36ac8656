# What needs a machine of its own: systemd, cgroup v2 alone, a plug to pull, a clock to turn.
load vm.bash

@test "the stack survives who started it, comes up with the host, and goes down in order" {
	vm_run <<-'END'
		begin
		systemd-run --quiet --unit=caller -p RemainAfterExit=yes --working-directory=/srv/shop davit up -d
		until_true 120 state_is web running
		is "$(keeper_group)" /system.slice/davit-shop.scope/supervisor
		systemctl stop caller
		state_is web running || fail "stopped with its caller"
		group=/sys/fs/cgroup/system.slice/davit-shop.scope/db-1
		limits() { is "$(cat $group/memory.max) $(cat $group/cpu.max) $(cat $group/pids.max)" "67108864 50000 100000 50"; }
		limits
		systemctl daemon-reload
		limits
		both="$(pgrep -x davit-keeper) $(pgrep -f -- --supervise)"
		kill -STOP $both
		kill -9 $both
		systemctl is-active davit-shop.scope
		davit stop idle
		is "$(keeper_group)" /system.slice/davit-shop.scope/supervisor
		davit enable
		until_true 60 systemctl is-active --quiet davit-shop.service
		is "$(lines web 'web starts')" 1
		say enabled
		systemctl poweroff
		sleep 1000
	END
	vm_wait @enabled
	for ((i = 0; i < 1200; i++)); do kill -0 "$vm_pid" 2>/dev/null || break; sleep 0.1; done
	if kill -0 "$vm_pid" 2>/dev/null; then
		echo "the machine did not power off" >&2
		return 1
	fi
	vm_run <<-'END'
		systemctl is-active davit-shop.service
		is "$(keeper_group)" /system.slice/davit-shop.service/supervisor
		whole
		state_is idle exited || fail "idle was stopped by hand"
		is "$(lines job 'job runs')" 1
		is "$(lines web 'web starts')" 2
		last() { davit -p shop logs -t --no-log-prefix $1 | sed -n "s/ $2\$//p" | tail -n 1; }
		[[ $(last web 'web stops') < $(last db 'db stops') ]] || fail "stopped in another order"
		[[ $(last db 'db starts') < $(last web 'web starts') ]] || fail "started in another order"
		davit -p shop disable
		state_is web running || fail "stopped by disable"
		systemctl stop davit-shop
		until_true 20 no_groups
		nothing_left
	END
	vm_ended
}

# power_cut_at SCRIPT: it says @now; a second boot brings the whole stack up.
power_cut_at() {
	vm_run <<<"begin; $1"
	vm_wait @now
	sleep "0.$((RANDOM % 10))"
	vm_cut
	vm_run <<-'END'
		davit -p shop boot
		whole
		nothing_left
	END
	vm_ended
}

@test "a power cut while the stack comes up" {
	power_cut_at 'davit up -d & until_true 60 test -e /var/lib/davit/projects/shop/txn.json; until_true 60 state_is db running; say now; wait; sleep 1000'
}

@test "a power cut while it runs and logs" {
	power_cut_at 'davit up -d; say now; sleep 1000'
}

@test "a power cut while it goes down: it goes on going down, or is as it was" {
	vm_run <<-'END'
		begin
		davit up -d
		davit down &
		until_true 60 davit_stops
		say now
		wait
		sleep 1000
	END
	vm_wait @now
	sleep "0.$((RANDOM % 10))"
	vm_cut
	vm_run <<-'END'
		davit -p shop boot || :
		davit doctor --all || fail "doctor"
		nothing_left
		davit doctor --all || fail "doctor, afterwards"
		cd /srv/shop
		davit up -d
		whole
		nothing_left
	END
	vm_ended
}

@test "a power cut right after a stop: it is remembered" {
	vm_run <<-'END'
		begin
		davit up -d
		davit stop idle
		say now
		sleep 1000
	END
	vm_wait @now
	vm_cut
	vm_run <<-'END'
		davit -p shop boot
		until_true 60 state_is db running
		state_is idle exited || fail "idle was stopped by hand"
		nothing_left
	END
	vm_ended
}

@test "clock jumps and a pause of the whole machine: nothing restarts, checks go on, logs keep their order" {
	vm_run <<-'END'
		begin
		davit up -d
		whole
		for years in 10 -20 10; do
			date -s "@$(($(date +%s) + years * 31557600))" >/dev/null
			sleep 3
			until_true 30 health_is db healthy
		done
		say paused
		sleep 3
		is "$(lines web 'web starts')" 1
		is "$(lines db 'db starts')" 1
		davit logs --no-log-prefix web | sed -n 's/^line //p' >/tmp/numbers
		sort -n /tmp/numbers | cmp - /tmp/numbers || fail "the log's order"
		davit exec -T db rm /tmp/ready
		until_true 60 health_is db unhealthy
		nothing_left
	END
	vm_wait @paused
	vm_monitor stop
	sleep 5
	vm_monitor cont
	vm_ended
}
