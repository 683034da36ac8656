# Who we are for a registry: credentials are asked for, checked, kept and forgotten.
load ../lib
load ../registry

# The user's own files, and a place for programs of his.
own_files() {
	export HOME=$PWD/home DOCKER_CONFIG=$PWD/docker PATH=$PWD/bin:$PATH
	unset XDG_CONFIG_HOME XDG_RUNTIME_DIR REGISTRY_AUTH_FILE CONTAINERS_REGISTRIES_CONF
	mkdir -p home docker bin
	config=$DOCKER_CONFIG/config.json
}

# helper NAME SCRIPT: a credential helper
helper() {
	printf '#!/bin/sh\n%s\n' "$2" >"bin/docker-credential-$1"
	chmod +x "bin/docker-credential-$1"
}

@test "logout: the credentials go, whatever else the file says stays" {
	own_files
	cat >"$config" <<-'END'
	{"auths": {"r.example": {"auth": "dTpw"}, "https://r.example/v1/": {"auth": "dTpw"}, "s.example": {"auth": "dTpw"}},
	 "psFormat": "table", "proxies": {"default": {"httpProxy": "x"}}}
	END
	is "$(davit logout https://r.example/v2/)" "Removing login credentials for r.example"
	is "$(jq -cS . "$config")" \
		'{"auths":{"s.example":{"auth":"dTpw"}},"proxies":{"default":{"httpProxy":"x"}},"psFormat":"table"}'
	is "$(stat -c %a "$config")" 600
	is "$(davit logout r.example)" "Not logged in to r.example"
	is "$(davit logout)" "Not logged in to docker.io"
}

@test "logout: what docker and skopeo wrote for docker.io goes" {
	own_files
	echo '{"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}, "docker.io": {"auth": "dTpw"}}}' >"$config"
	is "$(davit logout)" "Removing login credentials for docker.io"
	is "$(jq -c . "$config")" '{"auths":{}}'
}

@test "logout: a credential helper is told" {
	own_files
	helper mine 'echo "$1 $(cat)" >>heard'
	echo '{"auths": {"r.example": {}}, "credsStore": "mine"}' >"$config"
	is "$(davit logout r.example)" "Removing login credentials for r.example"
	is "$(cat heard)" "erase r.example"
	helper mine 'echo "the keyring is locked"; exit 1'
	run davit logout r.example
	[ "$status" = 1 ]
	has "$output" "credentials for 'r.example', as '$config' says: 'docker-credential-mine erase': the keyring is locked"
}

@test "logout: what is no registry is said so" {
	own_files
	run davit logout nowhere
	[ "$status" = 1 ]
	has "$output" "'nowhere' is not the name of a registry"
	run davit logout a.example b.example
	[ "$status" = 1 ]
}

# --- login -----------------------------------------------------------------------------------------------------------------------------

# A name that is not loopback's, and an address that is neither: both are this network namespace.
elsewhere() {
	ip addr add 10.99.0.1/32 dev lo 2>/dev/null || :
	printf '127.0.0.1 localhost\n127.0.0.1 registry.test\n' >hosts
	mount --bind hosts /etc/hosts
}

# certificate: ca.crt, and tls.crt with tls.key that it signed for registry.test
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=authority of a test" -keyout ca.key -out ca.crt
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=registry.test" -keyout tls.key -out tls.csr
	openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -set_serial 1 -days 2 -extfile <(echo subjectAltName=DNS:registry.test) -out tls.crt
} 2>/dev/null

# strict_registry PORT: Debian's, which wants user and password, and speaks TLS
strict_registry() {
	certificate
	echo "somebody:$(perl -e 'print crypt("a secret", q($2b$05$abcdefghijklmnopqrstuu))')" >htpasswd
	real_registry "$1" "$(printf '%s\n' \
		"http: {addr: ':$1', tls: {certificate: $PWD/tls.crt, key: $PWD/tls.key}}" \
		"auth: {htpasswd: {realm: test, path: $PWD/htpasswd}}")"
}

# asking_registry PORT CONF: the fake one in plain http on all addresses; CONF: whom it lets in
asking_registry() {
	fake_registry "$1" --host 0.0.0.0
	wrong "$2"
}

BASIC='{"auth": "basic", "user": "somebody", "password": "a secret"}'
BEARER='{"auth": "bearer", "realm": "http://127.0.0.1:5000/token", "user": "somebody", "password": "a secret"}'

# login PASSWORD ARGUMENT...: in $output and $status
login() {
	echo "$1" >password
	run davit login -u somebody --password-stdin "${@:2}" <password
	rm password
}

logged_in() {
	[ "$status" = 0 ] || fail "status $status: $output"
	has "$output" "Login Succeeded"
}

# not_logged_in TEXT...: it failed and said so; nothing was stored
not_logged_in() {
	is "$status" 1
	for text in "$@"; do has "$output" "$text"; done
	lacks "$output" "a secret"
	[ ! -e "$config" ] || fail "stored: $(cat "$config")"
}

# passwords_sent: how many requests said who we are
passwords_sent() { jq -c 'select(.headers.authorization // "" | startswith("Basic "))' "$fake.log" | wc -l; }

person() { "$BATS_TEST_DIRNAME/../fake/person" "$@"; }

@test "login: a real registry with TLS and a password" {
	own_files
	elsewhere
	strict_registry 5000
	login "a secret" registry.test:5000
	not_logged_in "registry.test:5000" "certificate"
	mkdir -p home/.config/containers/certs.d/registry.test:5000
	cp ca.crt home/.config/containers/certs.d/registry.test:5000
	login "another one" registry.test:5000
	not_logged_in "log in to registry.test:5000 as 'somebody': 401 Unauthorized" "user name or password is wrong there"
	login "a secret" https://registry.test:5000/v2/
	logged_in
	has "$output" "the password is stored unencrypted in '$config'"
	is "$(stat -c %a "$config")" 600
	is "$(jq -r '.auths["registry.test:5000"].auth' "$config" | base64 -d)" "somebody:a secret"
	is "$(skopeo login --authfile "$config" --get-login registry.test:5000)" somebody
	skopeo copy -q --insecure-policy --authfile "$config" --dest-cert-dir home/.config/containers/certs.d/registry.test:5000 \
		"docker-archive:$IMAGES/busybox.tar" docker://registry.test:5000/x:1
	is "$(davit login registry.test:5000)" "$(printf '%s\n' 'Authenticating with existing credentials... [Username: somebody]' 'Login Succeeded')"
	davit logout registry.test:5000
	run davit login registry.test:5000 </dev/null
	is "$status" 1
	has "$output" "cannot ask for a password: standard input is not a terminal"
}

@test "login: any certificate will do when it is said so" {
	own_files
	elsewhere
	strict_registry 5000
	login "a secret" --tls-verify=false registry.test:5000
	logged_in
	rm "$config"
	echo '[[registry]]
	location = "registry.test:5000"
	insecure = true' >registries.conf
	export CONTAINERS_REGISTRIES_CONF=$PWD/registries.conf
	login "a secret" registry.test:5000
	logged_in
}

@test "login: no password in plain text but to loopback, unless it is said so" {
	own_files
	elsewhere
	asking_registry 5000 "$BASIC"
	login "a secret" 10.99.0.1:5000
	not_logged_in "10.99.0.1:5000"
	is "$(passwords_sent)" 0
	login "a secret" 127.0.0.1:5000
	logged_in
	login "a secret" localhost:5000
	logged_in
	login "a secret" --tls-verify=false 10.99.0.1:5000
	logged_in
}

@test "login: a registry that gives tokens" {
	own_files
	asking_registry 5000 "$BEARER"
	login "another one" localhost:5000
	not_logged_in "get a token from" "401 Unauthorized"
	login "a secret" localhost:5000
	logged_in
	[ "$(passwords_sent)" -gt 0 ] || fail "nobody was asked"
	is "$(jq -r 'select(.headers.authorization // "" | startswith("Basic ")).path' "$fake.log" | grep -cv '^/token' || :)" 0
}

@test "login: a registry that is blocked is not asked" {
	own_files
	asking_registry 5000 "$BASIC"
	printf '# mine\n\n[[registry]]\nlocation = "localhost:5000"\nblocked = true\n' >registries.conf
	export CONTAINERS_REGISTRIES_CONF=$PWD/registries.conf
	login "a secret" localhost:5000
	not_logged_in "registry 'localhost:5000' is blocked in $PWD/registries.conf:3"
	is "$(jq -c . "$fake.log" 2>/dev/null)" ""
}

@test "login: a credential helper keeps the password, and is asked for it" {
	own_files
	asking_registry 5000 "$BASIC"
	helper mine 'case $1 in
	store) cat >kept ;;
	get) [ "$(cat)" = localhost:5000 ] && [ -f kept ] && cat kept || { echo "credentials not found in native keychain"; exit 1; } ;;
	erase) rm kept ;;
	esac'
	echo '{"credsStore": "mine"}' >"$config"
	login "a secret" localhost:5000
	logged_in
	lacks "$output" unencrypted
	is "$(jq -c . kept)" '{"ServerURL":"localhost:5000","Username":"somebody","Secret":"a secret"}'
	is "$(jq -c . "$config")" '{"credsStore":"mine","auths":{"localhost:5000":{}}}'
	has "$(davit login localhost:5000)" "Login Succeeded"
	davit logout localhost:5000
	[ ! -e kept ] || fail "it keeps it still"
	is "$(jq -c . "$config")" '{"credsStore":"mine","auths":{}}'
}

@test "login: REGISTRY_AUTH_FILE holds the credentials, as skopeo reads and writes it" {
	own_files
	asking_registry 5000 "$BASIC"
	export REGISTRY_AUTH_FILE=$PWD/auth.json
	skopeo login -u somebody -p "a secret" --tls-verify=false localhost:5000
	has "$(davit login localhost:5000)" "[Username: somebody]"
	davit logout localhost:5000
	run skopeo login --get-login localhost:5000
	[ "$status" != 0 ] || fail "skopeo finds them still"
	login "a secret" localhost:5000
	logged_in
	is "$(skopeo login --get-login localhost:5000)" somebody
	[ ! -e "$config" ] || fail "docker's file was written"
}

@test "login: asks at the terminal, and what is typed for the password does not show" {
	own_files
	asking_registry 5000 "$BASIC"
	run person "Username: " somebody "Password: " "a secret" -- "$DAVIT" login localhost:5000
	logged_in
	has "$output" "Username:: echo on"
	has "$output" "Password:: echo off"
	lacks "$output" "a secret"
	wrong '{"auth": "basic", "user": "somebody", "password": "new"}'
	run person "Username (somebody): " "" "Password: " new -- "$DAVIT" login localhost:5000
	logged_in
	has "$output" "401 Unauthorized"
}

@test "login: whatever ends the question, the terminal shows again what is typed" {
	local after='echo "now: $(stty -a | grep -o -e "-\?echo\b")"; echo "status $s"'
	own_files
	asking_registry 5000 "$BASIC"
	run person "Password: " ^C -- sh -c 'trap : INT; "$0" login -u somebody localhost:5000; s=$?; '"$after" "$DAVIT"
	has "$output" "Password:: echo off"
	has "$output" "status 130"
	has "$output" "now: echo"
	run person "Password: " ^D -- sh -c '"$0" login -u somebody localhost:5000; s=$?; '"$after" "$DAVIT"
	has "$output" "the terminal ended before there was an answer"
	has "$output" "now: echo"
}

# secret_in_proc: whether any process has the password among its words or variables; grep has it in another form
secret_in_proc() { cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | grep -qa "a[ ]secret"; }

# More often than $before; the log is made with the first question.
asked_again() { [ -e "$fake.log" ] && [ "$(asked "GET /v2/")" -gt "$before" ]; }

@test "login: no process has the password among its words or variables" {
	own_files
	asking_registry 5000 '{"rules": [{"on": "GET /v2/", "stall": -1}]}'
	before=0
	echo "a secret" >password
	"$DAVIT" login -u somebody --password-stdin localhost:5000 <password 3>&- &
	KEPT_PROCESSES="$KEPT_PROCESSES $!"
	wait_until 20 asked_again
	not secret_in_proc
	kill -9 $!
	before=$(asked "GET /v2/")
	"$DAVIT" login -u somebody -p "a secret" localhost:5000 3>&- &
	KEPT_PROCESSES="$KEPT_PROCESSES $!"
	wait_until 20 asked_again
	not secret_in_proc
}

@test "login: words that do not go together" {
	own_files
	run davit login -u a -p b --password-stdin localhost:5000 </dev/null
	is "$status" 1
	has "$output" "--password and --password-stdin cannot be given together"
	run davit login --password-stdin localhost:5000 </dev/null
	has "$output" "--password-stdin needs --username"
	run davit login -u a --password-stdin localhost:5000 </dev/null
	has "$output" "the password is empty"
	run davit login -u "" -p b localhost:5000
	has "$output" "the user name is empty"
	run davit login -u a:b -p c localhost:5000
	is "$status" 1
	run davit login -u a -p b nowhere
	has "$output" "'nowhere' is not the name of a registry"
	printf 'a\0b' >password
	run davit login -u a --password-stdin localhost:5000 <password
	has "$output" "has a NUL character"
	head -c 100000 /dev/zero | tr '\0' x >password
	run davit login -u a --password-stdin localhost:5000 <password
	has "$output" "larger than 65536 bytes"
}

@test "pull: a credential helper is asked once for a registry" {
	own_files
	own_store
	asking_registry 5000 "$BASIC"
	layout busybox.tar a:1
	layout busybox.tar b/c:1
	helper mine 'cat >>asked; echo >>asked; echo "{\"Username\": \"somebody\", \"Secret\": \"a secret\"}"'
	echo '{"credsStore": "mine"}' >"$config"
	pulled localhost:5000/a:1 localhost:5000/b/c:1
	is "$(cat asked)" localhost:5000
}

@test "pull: the credentials of a part of a registry are for that part" {
	own_files
	own_store
	asking_registry 5000 "$BASIC"
	layout busybox.tar a/b:1
	layout busybox.tar c/b:1
	jq -n --arg good "$(printf 'somebody:a secret' | base64)" --arg bad "$(printf 'somebody:else' | base64)" \
		'{auths: {"localhost:5000": {auth: $bad}, "localhost:5000/a": {auth: $good}}}' >"$config"
	pulled localhost:5000/a/b:1
	not_pulled localhost:5000/c/b:1 "401 Unauthorized" "the credentials of $config"
}
