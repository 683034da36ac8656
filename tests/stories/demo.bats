# The sample stack: a web page that counts its visits in Redis.
load ../lib

sample=$BATS_TEST_DIRNAME/../../samples/web-and-redis

page() { curl -sS --max-time 10 http://127.0.0.1:8000/; }
counts_to() { page | grep -q "visit number $1\$"; }

demo_up() {
	cp "$sample/compose.yaml" .
	up
	wait_until 10 counts_to 1
}

@test "a real stack comes up, and counts" {
	demo_up
	has "$(page)" "visit number 2"
	is "$(in_service redis redis-cli get visits)" 2
	is "$(ps_field redis Health)" healthy
}

@test "redis, killed from the host, comes back with its data" {
	local before
	demo_up
	before=$(pid_of redis)
	kill -9 "$before"
	has "$(page)" "visit number 2"
	wait_until 10 health_is redis healthy
	[ "$(pid_of redis)" != "$before" ]
	has "$(page)" "visit number 3"
}

@test "down leaves nothing but the volume, which a later up finds" {
	demo_up
	run davit down
	is "$status" 0
	wait_until 5 no_leaks
	[ -d "$DAVIT_STATE_DIR/volumes/${PROJECT}_data" ]
	up
	wait_until 10 counts_to 2
}

@test "down -v removes the volume, too" {
	demo_up
	davit down -v
	wait_until 5 no_leaks
	[ ! -e "$DAVIT_STATE_DIR/volumes/${PROJECT}_data" ]
	up
	wait_until 10 counts_to 1
}
