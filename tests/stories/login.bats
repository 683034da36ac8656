# Who we are for a registry: credentials are asked for, checked, kept and forgotten.
load ../lib

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
