# push, and pull and up by davit's own commands, at a real registry and at one that misbehaves.
load ../lib
load ../registry

R=127.0.0.1:5000

# In the place of the shared one.
empty_store() {
	own=$DAVIT_STATE_DIR
	umount "$own/images"
	mount --bind "$own/images" "$own/images"
}

setup_store() {
	empty_store
	davit load -q -i "$IMAGES/busybox.tar" >/dev/null
	davit load -q -i "$IMAGES/configured.tar" >/dev/null
}

forget() { davit image rm -f "$@" >/dev/null; davit image prune -a -f >/dev/null; }

# A stack whose images are called as the registry's are.
stack() {
	compose <<-END
	services:
	  one: {image: "$R/team/busybox:1", build: ., command: [sleep, inf]}
	  two:
	    image: $R/team/configured:1
	    build: {context: ., tags: ["$R/other/configured:2"]}
	    entrypoint: [sleep, inf]
	    depends_on: [one]
	  three: {image: busybox}
	END
	davit image tag busybox:1 $R/team/busybox:1
	davit image tag davit-test/configured $R/team/configured:1
	davit image tag davit-test/configured $R/other/configured:2
}

digest_of() { skopeo inspect --tls-verify=false "docker://$1" | jq -r .Digest; }
id_of() { davit image inspect "$1" | jq -r '.[0].Id'; }

@test "push, and pull back into a clean store: the same images, which run" {
	real_registry 5000
	setup_store
	stack
	before=$(id_of $R/team/busybox:1)
	run -0 --separate-stderr davit push
	has "$stderr" " Image $R/team/busybox:1  Pushed"
	has "$stderr" " Image $R/other/configured:2  Pushed"
	has "$stderr" "Service three  Skipped  It builds no image"
	is "$(digest_of $R/team/configured:1)" "$(digest_of $R/other/configured:2)"
	skopeo copy -q --insecure-policy --src-tls-verify=false docker://$R/team/busybox:1 docker-archive:/run/back.tar:x:1
	forget $R/team/busybox:1 $R/team/configured:1 $R/other/configured:2 busybox busybox:1 davit-test/configured
	up one two                           # nothing is there to build from: they come from the registry
	is "$(id_of $R/team/busybox:1)" "$before"
	is "$(sh_in one 'echo it runs')" "it runs"
	state_is two running
	davit down -t 0
}

@test "push: what the registry has is not sent again; another repository's blobs are mounted" {
	real_registry 5000
	setup_store
	stack
	run imager push "{\"images\": [{\"ref\": \"$R/team/configured:1\"}]}"
	is "$status" 0
	is "$(jq -r 'select(.ev == "layer" and .state != "uploading" and .state != "waiting").state' <<<"$output" | sort -u)" pushed
	run imager push "{\"images\": [{\"ref\": \"$R/team/configured:1\"}]}"
	is "$(jq -r 'select(.ev == "layer" and .state != "waiting").state' <<<"$output" | sort -u)" present
	davit push -q one                    # whose layers are the other's lowest
	run imager push "{\"images\": [{\"ref\": \"$R/other/configured:2\"}]}"
	is "$(jq -r 'select(.ev == "layer" and .state != "uploading" and .state != "waiting").state' <<<"$output" | sort -u)" mounted
	davit image tag davit-test/configured $R/third/a:1
	davit image tag davit-test/configured $R/fourth/a:1
	run imager push "{\"images\": [{\"ref\": \"$R/third/a:1\"}, {\"ref\": \"$R/fourth/a:1\"}]}"
	is "$(jq -r 'select(.ev == "image" and .state == "pushed").ref' <<<"$output" | sort | xargs)" "$R/fourth/a:1 $R/third/a:1"
}

@test "push: what cannot be, in its place; with --ignore-push-failures as warnings" {
	real_registry 5000
	setup_store
	stack
	davit image rm $R/team/busybox:1
	run -1 --separate-stderr davit push
	has "$stderr" "compose.yaml:2:16: error: service 'one': image '$R/team/busybox:1' is not in davit's store"
	has "$stderr" "hint: 'davit build one' builds it"
	lacks "$stderr" "pull it"
	has "$stderr" " Image $R/team/busybox:1  Error"
	has "$stderr" " Image $R/team/configured:1  Pushed"
	run -0 --separate-stderr davit push --ignore-push-failures one
	has "$stderr" "compose.yaml:2:16: warning: service 'one'"
	run -0 --separate-stderr davit push -q two
	is "$stderr" ""
	run -1 davit push --include-deps two
	compose <<-END
	services:
	  one:
	    image: $R/team/configured:1
	    build:
	      context: .
	      tags: ["$R/team/configured:tagged"]
	END
	run -1 --separate-stderr davit push
	has "$stderr" "compose.yaml:6:14: error: service 'one': image '$R/team/configured:tagged' is not in davit's store"
	has "$stderr" "hint: 'davit build one' builds it"
	stack
	davit image tag busybox $R/team/busybox:1
	for f in "$own"/images/blobs/sha256/*; do
		[ "$(stat -c %s "$f")" -lt 100000 ] || rm "$f"
	done
	run -1 --separate-stderr davit push one
	has "$stderr" "is missing from the image store"
	has "$stderr" "pull or load the image again"
}

@test "pull: real images by davit's own command, again, quietly, and with what is not there" {
	real_registry 5000
	into busybox.tar $R/a:1
	into configured.tar $R/b:1
	empty_store
	compose <<-END
	services:
	  one: {image: "$R/a:1", command: [sleep, inf]}
	  two: {image: "$R/b:1"}
	END
	run -0 --separate-stderr davit pull
	has "$stderr" " Image $R/a:1  Pulled"
	run -0 --separate-stderr davit --progress json pull
	is "$(jq -r 'select(.parent_id) | .text' <<<"$stderr" | sort -u | tr -d '\n')" ""
	into configured.tar $R/a:1
	before=$(id_of $R/a:1)
	davit pull -q one
	[ "$(id_of $R/a:1)" != "$before" ] || fail "it is the old one"
	compose <<-END
	services:
	  one: {image: "$R/a:1"}
	  two:
	    image: $R/b:2
	  three:
	    image: $R/nothing
	END
	refused 1 "compose.yaml:4:12: error: service 'two': " "compose.yaml:6:12: error: service 'three': " " Image $R/a:1  Pulled" -- davit pull
	refused 1 "compose.yaml:4:12: error: service 'two': " "compose.yaml:6:12: error: service 'three': " -- davit up -d
	nothing_left
}

@test "up: a name that the registry gives to another image makes new containers with --pull always, and with nothing else" {
	real_registry 5000
	into busybox.tar $R/a:1
	empty_store
	compose <<-END
	services:
	  one: {image: "$R/a:1", entrypoint: [sleep, inf]}
	END
	up
	first=$(ps_field one ID)
	up --pull always
	is "$(ps_field one ID)" "$first"
	into configured.tar $R/a:1
	up
	is "$(ps_field one ID)" "$first"
	up --pull always
	[ "$(ps_field one ID)" != "$first" ] || fail "the container is the old one"
	davit down -t 0
}

@test "up: without a network, what can be built is built after one look at the registry" {
	own_store
	compose <<-'END'
	services:
	  one: {image: "127.0.0.1:1/x:1", build: .}
	  two: {image: "nowhere.invalid/x:1", build: .}
	END
	refused 1 "127.0.0.1:1/x:1  Warning" "nowhere.invalid/x:1  Warning" "Dockerfile" -- davit up -d
	lacks "$stderr" "trying again"
	lacks "$stderr" "tried "
	refused 1 "trying again" "tried 3 times" "look whether 'nowhere.invalid' is written as it should be" "davit build two" -- davit pull
	https_proxy=http://127.0.0.1:9 refused 1 "the proxy '127.0.0.1' that https_proxy names" -- davit pull two
}

@test "Ctrl-C while real layers come ends at once, and what it leaves goes with the next pull" {
	fake_registry 5001
	empty_store
	layout busybox.tar a:1
	wrong '{"rules": [{"on": "GET .*/blobs/", "rate": 20000}]}'
	compose <<-END
	services:
	  one: {image: "127.0.0.1:5001/a:1", command: [sleep, inf]}
	END
	setsid "$DAVIT" up -d >said 2>&1 3>&- &
	local davit=$!
	wait_until 20 bash -c "ls '$own/images'/.load-*/* >/dev/null"
	kill -INT -- "-$davit" 2>/dev/null || kill -INT "$davit"
	wait_until 10 bash -c "! pgrep -x davit-image"
	wait_until 10 bash -c "! kill -0 $davit 2>/dev/null || grep -q '^State:.Z' /proc/$davit/status"
	nothing_begun
	wrong '{}'
	up
	is "$(sh_in one 'echo it runs')" "it runs"
	davit down -t 0
	nothing_left
}

@test "image pull, image push: by name, without a compose file" {
	real_registry 5000
	into busybox.tar $R/a:1 -f oci
	empty_store
	run -0 davit image pull $R/a:1
	is "$(davit image ls -q | wc -l)" 1
	davit image tag $R/a:1 $R/b:2
	run -0 davit image push -q $R/b:2
	is "$output" ""
	is "$(digest_of $R/a:1)" "$(digest_of $R/b:2)"
	refused 1 "$R/nothing" "Image $R/a:1  Pulled" -- davit image pull $R/a:1 $R/nothing
	refused 1 "'Not A Name' is not valid" -- davit image pull "Not A Name"
	refused 1 "is not in davit's store" -- davit image push $R/c:3
	run -0 davit --progress plain image pull $R/a:1 $R/b:2 $R/a:1
	is "$(grep -c "Image $R/a:1  Pulled" <<<"$output")" 1
	is "$(grep -c "Image .*  Pulled" <<<"$output")" 2
	refused 1 "'bogus' is not a platform" "linux, windows" -- davit image pull --platform bogus $R/a:1
	refused 1 "hint: leave 'https://' away: '$R/a:1'" -- davit image pull https://$R/a:1
	run -1 davit image pull -q localhost:99999/x
	has "$output" "image reference 'localhost:99999/x' is not valid: the port of the registry is not one of 1 to 65535"
	is "$(grep -o 99999 <<<"$output" | wc -l)" 1
}
