# The store of images and the plug: whatever a pull, a load or a removal was about, the store is one that can be used, has all that was in
# it before, and what was said to be done is done.
load vm.bash

setup_file() {
	export VM_PAYLOAD=$VM/payload-images
	rm -rf "$VM_PAYLOAD"
	cp -a "$VM/payload" "$VM_PAYLOAD"
	mkdir -p "$VM_PAYLOAD/registry/data"
	cp "$VM_DIR/../fake/registry" "$VM_PAYLOAD/registry/serve"
	skopeo copy -q --insecure-policy "docker-archive:${VM%/vm}/images/redis.tar" "oci:$VM_PAYLOAD/registry/data/redis:1"
}

# What each script in the guest begins with.
guest='
	R=127.0.0.1:5000 images=/var/lib/davit/images
	registry() {
		python3 /registry/serve --port 5000 /registry/data >/tmp/port 2>&1 &
		until_true 60 test -s /tmp/port
	}
	names() { davit images --format json | jq -r "if type == \"array\" then .[] else . end | .Repository + \":\" + .Tag" | sort | tr "\n" " "; }
	has_name() { [[ " $(names)" = *" $1 "* ]] || fail "$1 is not there: $(names)"; }
	no_name() { [[ " $(names)" != *" $1 "* ]] || fail "$1 is there: $(names)"; }

	pull() { davit image pull -q $R/redis:1; }
	load() { davit load -q -i /images/busybox.tar; }
	remove() { davit image rm $R/redis:1; }
	prune() { davit image prune -a -f; }

	unpacking() { [ -n "$(find $images/.load-* -mindepth 1 -maxdepth 1 -type d 2>/dev/null)" ]; }
	publishing() { compgen -G "$images/.load-*/*.json" >/dev/null; }
	named() { compgen -G "$images/blobs/sha256/*" >/dev/null && ! compgen -G "$images/.load-*/*.json" >/dev/null; }
	going() { compgen -G "$images/.gone-*/*" >/dev/null; }
	# at MOMENT ACT: says so at that moment of it
	at() {
		"$2" >/tmp/out 2>&1 &
		if [ "$1" = ended ]; then
			wait $! || fail "$2: $(cat /tmp/out)"
		else
			until "$1"; do kill -0 $! 2>/dev/null || break; sleep 0.02; done
		fi
		say now
		wait
		sleep 1000
	}

	# What a killed load or removal had in hand, and blobs that have no name yet, are no damage; anything else is.
	only_unfinished() {
		local wrong
		wrong=$(davit system check --format json | jq -r "select(.ev == \"problem\").msg" | grep -vE "left their working directories|nobody refers to") || return 0
		fail "check: $wrong"
	}
	clean() { davit system check >/tmp/check 2>&1 || fail "$1: $(cat /tmp/check)"; }
	runs() {
		mkdir -p /srv/once && cd /srv/once
		printf "name: once\nservices: {one: {image: \"%s\", command: %s}}\n" "$1" "$2" >compose.yaml
		davit up -d
		until_true 60 said "$3"
		davit down -t 0
	}
	said() { davit logs --no-log-prefix one | grep -q "$1"; }
'

# cut GUEST-SCRIPT: boots; the plug is pulled some moments after @now.
cut() {
	vm_run <<<"$guest $1"
	vm_wait @now
	sleep "0.$((RANDOM % 10))"
	vm_cut
	sed -i 's/^@now/@then/' "$said"
}

after_pull='only_unfinished; registry; pull; davit image prune -f; clean "after the next pull"; has_name $R/redis:1'
after_load='only_unfinished; load; davit image prune -f; clean "after the next load"; has_name busybox:1'

@test "power cuts during a pull: the next one succeeds, and the image runs" {
	cut 'sync; registry; at unpacking pull'
	cut "$after_pull; prune; sync; at publishing pull"
	cut "$after_pull; prune; sync; at named pull"
	vm_run <<<"$guest $after_pull; runs \$R/redis:1 '[redis-server, --version]' 'Redis server'"
	vm_ended
}

@test "power cuts during a load: the next one succeeds, and the image runs" {
	cut 'sync; at unpacking load'
	cut "$after_load; prune; sync; at publishing load"
	vm_run <<<"$guest $after_load; runs busybox:1 '[echo, it runs]' 'it runs'"
	vm_ended
}

@test "power cuts right after a pull, a load and removals: what was said to be done is done" {
	cut 'sync; registry; at ended pull'
	cut 'only_unfinished; has_name $R/redis:1; clean pulled; load; has_name busybox:1; at ended remove'
	cut 'only_unfinished; has_name busybox:1; no_name $R/redis:1; clean removed; davit image rm busybox; at ended prune'
	vm_run <<<"$guest"' only_unfinished; is "$(names)" ""; clean pruned; at ended load'
	vm_wait @now
	vm_cut
	vm_run <<<"$guest"' only_unfinished; clean loaded; runs busybox "[echo, it runs]" "it runs"'
	vm_ended
}

@test "power cuts during a removal: what is left is whole" {
	cut 'load; registry; pull; sync; at going remove'
	cut "only_unfinished; has_name busybox:1; $after_pull; sync; at going prune"
	vm_run <<<"$guest only_unfinished; $after_load; $after_pull; runs busybox:1 '[echo, it runs]' 'it runs'"
	vm_ended
}
