# Builds at the edge of what there is: no layer, no room.
load ../lib
load ../registry
load ../builder

# rows_of NAME: how many names the store has for it
rows_of() { davit images --all --format json | jq -rs "flatten | map(select(.Repository == \"$1\")) | length"; }

@test "build: FROM scratch and nothing more is an image: listed, inspected, checked, saved, loaded, pushed, pulled, built upon" {
	real_registry 5003
	name=127.0.0.1:5003/empty
	compose <<-END
	services:
	  empty: {image: $name, build: {dockerfile_inline: "FROM scratch\nLABEL a=b"}, command: [/nothing]}
	  upon: {build: {dockerfile_inline: "FROM $name\nCOPY compose.yaml /"}, depends_on: [empty]}
	END
	build
	id=$(davit build -q empty)
	is "$(rows_of $name)" 1
	is "$(davit image inspect $name | jq -c '.[0] | [.Config.Labels.a, .RootFS.Layers]')" '["b",[]]'
	is "$(davit image inspect "$PROJECT-upon" | jq '.[0].RootFS.Layers | length')" 1
	davit system check
	davit image save -o empty.tar $name
	davit build --push empty
	for from in "load -i empty.tar" "image pull $name"; do
		davit image rm -f $name
		is "$(rows_of $name)" 0
		run -0 davit $from
		is "$(davit image inspect $name | jq -r '.[0].Id')" "$id"
	done
	davit system check
	skopeo copy -q --insecure-policy "oci:$DAVIT_STATE_DIR/images:$name:latest" "dir:/run/empty-$BATS_TEST_NUMBER"
	run --separate-stderr davit up --no-build empty
	[ "$status" != 0 ] || fail "it ran"
	has "$stderr" "command '/nothing' does not exist in the image"
	no_build_left
}
