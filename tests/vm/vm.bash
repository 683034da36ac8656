# vm.bash - a VM for a test: a disk of its own over the image, a script to run in it, what it says, and its plug to pull.
#
# $VM/image is the image, $VM/payload (or $VM_PAYLOAD) what is copied to / of each VM. Software emulation is 10 to 20 times slower than a machine, and
# this machine may be busy: waits are long, and end as soon as what they wait for is there.

bats_require_minimum_version 1.5.0
VM_BOOT_S=${VM_BOOT_S:-240}

setup() {
	dir=$(mktemp -d "$VM/test.XXXXXX")
	qemu-img create -q -f qcow2 -F qcow2 -b "$VM/image/root.qcow2" "$dir/disk.qcow2"
	said=$dir/said
	: >"$said"
}

teardown() {
	vm_cut
	[ -n "${BATS_TEST_COMPLETED:-}" ] || { tail -n 60 "$said"; tail -n 5 "$dir/console"; }
	rm -rf "$dir"
}

# vm_run: boots, with standard input as the script to run in the guest; its output is added to $said.
vm_run() {
	if [ -d "$dir/job" ]; then       # it is on the disk already, and in use
		rm -rf "$dir/job/root"
	else
		mkdir -p "$dir/job"
		cp -a "${VM_PAYLOAD:-$VM/payload}" "$dir/job/root"
	fi
	cat "$VM_DIR/in-guest.bash" - >"$dir/job/script"
	tar -C "$dir/job" -cf "$dir/job.tar" .
	truncate -s %65536 "$dir/job.tar"
	rm -f "$dir/monitor".{in,out}
	mkfifo "$dir/monitor".{in,out}
	qemu-system-x86_64 -M q35 -m 1G -smp 2 -accel tcg,thread=multi,tb-size=256 -cpu Nehalem -nodefaults -no-user-config -nographic \
		-no-reboot -kernel "$VM/image/vmlinuz" -initrd "$VM/image/initrd" \
		-append "console=ttyS0 panic=-1 quiet loglevel=3 mitigations=off audit=0 net.ifnames=0 systemd.show_status=0" \
		-serial "file:$dir/console" -object rng-random,id=r,filename=/dev/urandom -device virtio-rng-pci,rng=r \
		-drive "if=none,id=root,file=$dir/disk.qcow2,format=qcow2,cache=writeback" -device virtio-blk-pci,drive=root \
		-drive "if=none,id=job,file=$dir/job.tar,format=raw,readonly=on" -device virtio-blk-pci,drive=job \
		-device virtio-serial-pci -chardev "file,id=out,path=$said,append=on" -device virtserialport,chardev=out,name=out \
		-chardev "pipe,id=mon,path=$dir/monitor" -mon chardev=mon,mode=readline </dev/null >"$dir/qemu" 2>&1 3>&- &
	vm_pid=$!
	exec {monitor}<>"$dir/monitor.in"
}

# vm_wait TEXT [SECONDS]: until the guest has said this line.
vm_wait() {
	local end=$((SECONDS + ${2:-$VM_BOOT_S}))
	until grep -qxF -- "$1" "$said"; do
		if grep -q '^@exit [1-9]' "$said"; then echo "the script in the VM failed" >&2; return 1; fi
		if ! kill -0 "$vm_pid" 2>/dev/null; then echo "the VM is off; waited for: $1" >&2; return 1; fi
		if ((SECONDS > end)); then echo "not within ${2:-$VM_BOOT_S} s: $1" >&2; return 1; fi
		sleep 0.1
	done
}

# vm_ended: the script ran to its end; the VM is switched off.
vm_ended() {
	vm_wait '@exit 0' "$@"
	vm_cut
}

# What was not written out is lost, also what qemu holds back for a disk with a cache.
vm_cut() {
	[ -z "${vm_pid:-}" ] || { kill -9 "$vm_pid" 2>/dev/null; wait "$vm_pid" 2>/dev/null; } || :
	vm_pid=
	[ ! -e "${said:-}" ] || sed -i 's/^@exit/@was/' "$said"
}

vm_monitor() { echo "$1" >&"$monitor"; }
