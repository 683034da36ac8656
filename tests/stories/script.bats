# A script that was written for docker compose, as they stand in repositories: nothing in it is changed but these two words.
load ../lib

project() {
	mkdir -p app
	printf 'FROM busybox\nCOPY greeting /greeting\n' >app/Dockerfile
	echo hello >app/greeting
	printf 'TAG=1\nAPP_PORT=8231\n' >.env
	cat >docker-compose.yml <<-'END'
	version: "3.8"
	services:
	  db:
	    image: busybox
	    command: ["sh", "-c", "trap 'exit 0' TERM; echo ready to accept connections; touch /tmp/ready; while :; do sleep 0.05; done"]
	    healthcheck: {test: ["CMD-SHELL", "test -e /tmp/ready"], interval: 1s, timeout: 3s, retries: 30}
	    volumes: ["db-data:/data"]
	    environment: {POSTGRES_PASSWORD: example}
	  migrate:
	    image: busybox
	    command: ["sh", "-c", "echo migrated >/data/schema"]
	    volumes: ["db-data:/data"]
	    depends_on: {db: {condition: service_healthy}}
	  web:
	    image: "busybox:${TAG}"
	    command: ["sh", "-c", "mkdir -p /www; echo from web >/www/index.html; exec httpd -f -p 80 -h /www"]
	    init: true
	    ports: ["127.0.0.1:${APP_PORT}:80"]
	    depends_on: {db: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}
	  tests:
	    image: busybox
	    profiles: [test]
	    command: ["sh", "-c", "until wget -qO- http://web/; do sleep 0.1; done; test -s /data/schema"]
	    volumes: ["db-data:/data"]
	    depends_on: [web]
	volumes:
	  db-data:
	END
	cat >docker-compose.ci.yml <<-'END'
	services:
	  web: {labels: {ci: "true"}}
	END
}

# as_davit: what is on standard input, a script for docker compose, with the words replaced
as_davit() {
	sed "s|docker compose|timeout 60 $DAVIT|g" >script
	run bash -euo pipefail script
	[ "$status" = 0 ] || fail "exit status $status: $output"
}

@test "a long one: up --wait, exec, run, logs, ps, port, cp, restart, down" {
	project
	as_davit <<-'END'
	export COMPOSE_FILE=docker-compose.yml:docker-compose.ci.yml
	cleanup() { docker compose --profile test down -v --remove-orphans --timeout 5; }
	trap cleanup EXIT

	docker compose version --short | grep -Eq '^[0-9]+\.[0-9]+'
	docker compose config --quiet
	docker compose config --services | sort | tr '\n' ' ' | grep -qx 'db migrate web '
	docker compose --profile test config --services | grep -qx tests
	docker compose up -d --wait --wait-timeout 60 --quiet-pull db
	docker compose up --detach --no-build web

	# is it there?
	[ -n "$(docker compose ps -q web)" ]
	[ "$(docker compose ps --status running --services | sort | tr '\n' ' ')" = "db web " ]
	[ "$(docker compose ps -a --format '{{.ExitCode}}' migrate)" = 0 ]
	docker compose ps -a --format json | jq -e -s 'length == 3' >/dev/null
	address=$(docker compose port web 80)
	[ "$address" = 127.0.0.1:8231 ]
	for i in $(seq 1 30); do
	    curl -fsS "http://$address/" >/dev/null 2>&1 && break
	    [ "$i" -lt 30 ] || { docker compose logs --no-color --tail=100; exit 1; }
	    sleep 0.2
	done
	curl -fsS "http://$address/" | grep -q 'from web'

	# the database
	until docker compose exec -T db sh -c 'test -e /tmp/ready'; do sleep 0.2; done
	echo 'create table x' | docker compose exec -T db sh -c 'cat >/tmp/in.sql'
	[ "$(docker compose exec -T db cat /tmp/in.sql)" = 'create table x' ]
	docker compose exec -T -e WHO=me -w /tmp --user 0:0 db sh -c 'echo $WHO $PWD' | grep -qx 'me /tmp'
	docker compose exec -T db sh -c 'exit 3' && exit 1 || [ $? = 3 ]

	# files in and out
	echo seed >seed.txt
	docker compose cp seed.txt db:/tmp/seed.txt
	docker compose cp db:/tmp/seed.txt copied.txt
	cmp seed.txt copied.txt

	# the tests, in their own container
	docker compose run --rm -T --no-deps -e A=b db sh -c 'echo $A' | grep -qx b
	docker compose run --rm tests | grep -q 'from web'
	docker compose run --rm --no-deps --entrypoint sh db -c 'exit 7' && exit 1 || [ $? = 7 ]
	[ -z "$(docker compose ps -aq tests)" ]

	# looking around
	docker compose logs --no-color db | grep -q 'ready to accept connections'
	docker compose logs --no-log-prefix --tail 1 db | grep -qx 'ready to accept connections'
	docker compose images | grep -q busybox
	docker compose top db >/dev/null
	docker compose ls -q | grep -qx "$COMPOSE_PROJECT_NAME"
	docker compose events --json --since 1h --until 0s 2>/dev/null | jq -e -s 'length > 0' >/dev/null

	# and on
	docker compose restart -t 2 web
	docker compose up -d --scale web=1 --no-recreate
	docker compose stop web
	docker compose start web
	docker compose pause db
	docker compose unpause db
	docker compose kill -s SIGTERM db
	docker compose rm -fsv web
	docker compose create web
	END
	has "$output" "Volume ${PROJECT}_db-data  Removed"
	wait_until 5 nothing_begun
}

@test "the one-liner of most pipelines gives the status of the tests" {
	project
	as_davit <<-'END'
	docker compose --profile test up --abort-on-container-failure --exit-code-from tests --no-color --quiet-pull
	docker compose --profile test down --volumes
	END
	has "$output" "from web"
	sed -i 's/wget -qO- http:..web/exit 9; &/' docker-compose.yml
	run -9 davit --profile test up --exit-code-from tests
	davit --profile test down --volumes --rmi local
}

@test "docker compose -p NAME -f FILE from another directory, as scripts in subdirectories do" {
	project
	mkdir ci
	cd ci
	as_davit <<-'END'
	docker compose -p "$COMPOSE_PROJECT_NAME" -f ../docker-compose.yml up -d --wait db
	docker compose -p "$COMPOSE_PROJECT_NAME" exec -T db true
	docker compose -p "$COMPOSE_PROJECT_NAME" --project-directory .. ps -q db | grep -q .
	cd ..
	docker compose -p "$COMPOSE_PROJECT_NAME" down -v
	END
}
