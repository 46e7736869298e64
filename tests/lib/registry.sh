# Real registries for the tests: Debian's docker-registry on ports of its own. Source after lib.sh and images.sh.
#
#     need_registry                       skip where docker-registry or openssl is missing
#     start_registry NAME [OPTION...]     serve an empty registry; a second time under the same name: what it holds stays
#         tls        https with a certificate of the tests' own authority, $CA
#         client     (and tls) a client certificate is asked for: $SCRATCH/pki/client.cert, .key
#         basic      user and password: anna / $PASSWORD
#         token=T    bearer tokens of the server that start_tokens T started
#         storage=N  the blobs of registry N, so that one and the same content is served in two ways
#     start_tokens NAME [OPTION...]       a token server: [tls] [ttl=SECONDS] [oauth] (see tokenserver.py)
#     start_proxy NAME REGISTRY [OPTION...]   in front of a plain one, with faults (see faultproxy.py)
#     start_hostile                       a registry that lies (see hostileregistry.py): hostile_port LISTENER, hostile_requests
#     start_habits                        one with the habits of real ones (see habitsregistry.py), by the name "habits"
#     stop NAME                           end a server of any kind
#     addr NAME                           127.0.0.1:PORT of any of them
#     requests NAME [PATTERN]             "METHOD PATH STATUS BYTES" of each answered request since forget_requests
#     forget_requests NAME
#     trust NAME                          imagefs, skopeo and podman take the certificate of NAME from now on
#     put_image NAME REPO:TAG [IMAGE]     a layout's image (image_small) into that registry by skopeo
#     blob_path NAME DIGEST               the registry's own file of a blob
#
# State is kept in $SCRATCH/servers, for each case is a process of its own.

PASSWORD='s3cr=t pass/w"rd'
PKI=$SCRATCH/pki
CA=$PKI/ca.crt
SERVERS=$SCRATCH/servers
mkdir -p "$SERVERS" "$PKI"
# No credentials but those of the script, and no registries.conf of the machine's.
unset DOCKER_CONFIG REGISTRY_AUTH_FILE XDG_RUNTIME_DIR http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
export CONTAINERS_REGISTRIES_CONF=$SCRATCH/registries.conf
mkdir -p "$HOME/.config/containers"
: >"$CONTAINERS_REGISTRIES_CONF"

need_registry() { need docker-registry openssl skopeo python3; }

addr() { cat "$SERVERS/$1/addr"; }
port() { sed 's/.*://' "$SERVERS/$1/addr"; }

# An authority, a server's certificate for every name that is this host, and a client's.
make_pki()
{
	[ ! -e "$PKI/done" ] || return 0
	(
		cd "$PKI"
		openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=imagefs test authority" \
			-keyout ca.key -out ca.crt
		pki_cert server "DNS:localhost,DNS:registry.test,IP:127.0.0.1,IP:127.0.0.2,IP:::1"
		pki_cert client "DNS:client"
		mv client.crt client.cert
		# An authority that is not trusted.
		openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=localhost" \
			-addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -keyout self.key -out self.crt
		touch "done"
	) >"$PKI/log" 2>&1 || {
		cat "$PKI/log"
		fail "openssl made no certificates"
	}
}

# pki_cert NAME SUBJECT-ALTERNATIVE-NAMES
pki_cert()
{
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
	openssl x509 -req -days 30 -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -out "$1.crt" \
		-extfile <(echo "subjectAltName=$2")
}

htpasswd_line()
{
	$PYTHON -W ignore -c 'import crypt, sys; print(sys.argv[1] + ":" + crypt.crypt(sys.argv[2], "$2b$05$abcdefghijklmnopqrstuu"))' "$@"
}

# registry_config NAME OPTION...
registry_config()
{
	local dir=$SERVERS/$1 option storage=$1 tls= client= tokens=
	shift
	local auth=
	for option; do
		case $option in
		tls) tls=1 ;;
		client) client=1 ;;
		basic)
			htpasswd_line anna "$PASSWORD" >"$dir/htpasswd"
			auth=basic
			;;
		token=*) auth=token tokens=${option#*=} ;;
		storage=*) storage=${option#*=} ;;
		*) fail "start_registry: no such option: $option" ;;
		esac
	done
	cat <<-END
		version: 0.1
		log: {level: info, formatter: text, accesslog: {disabled: false}}
		storage:
		  filesystem: {rootdirectory: "$SERVERS/$storage/data"}
		  delete: {enabled: true}
		  maintenance: {uploadpurging: {enabled: false}}
	END
	echo "compatibility: {schema1: {enabled: true}}"
	echo "validation: {manifests: {urls: {allow: ['^http']}}}"
	[ -z "$auth" ] || echo "auth:"
	[ "$auth" != basic ] || printf '  htpasswd: {realm: tests, path: "%s"}\n' "$dir/htpasswd"
	[ "$auth" != token ] || printf '  token: {realm: "%s/token", service: tests, issuer: tests, rootcertbundle: "%s"}\n' \
		"$(cat "$SERVERS/$tokens/scheme")://$(addr "$tokens")" "$PKI/ca.crt"
	echo "http:"
	echo "  addr: 127.0.0.1:$(cat "$dir/port" 2>/dev/null || echo 0)"
	echo "  secret: tests"
	if [ -n "$tls" ]; then
		echo "  tls:"
		echo "    certificate: $PKI/server.crt"
		echo "    key: $PKI/server.key"
		[ -z "$client" ] || echo "    clientcas: [$PKI/ca.crt]"
	fi
}

# has_port NAME PID SED-EXPRESSION: its log names the port it got.
has_port()
{
	local dir=$SERVERS/$1
	sed -n "$3" "$dir/log" | tail -n 1 >"$dir/port"
	[ ! -s "$dir/port" ] || return 0
	kill -0 "$2" || fail "$1 did not start: $(cat "$dir/log")"
	return 1
}

# wait_for_addr NAME PID SED-EXPRESSION: until that.
wait_for_addr()
{
	await has_port "$@"
	echo "127.0.0.1:$(cat "$SERVERS/$1/port")" >"$SERVERS/$1/addr"
}

start_registry()
{
	local dir=$SERVERS/$1
	mkdir -p "$dir/data"
	make_pki
	registry_config "$@" >"$dir/config.yml"
	: >"$dir/log"
	docker-registry serve "$dir/config.yml" >>"$dir/log" 2>&1 &
	reap $!
	echo $! >"$dir/pid"
	wait_for_addr "$1" $! 's/.*listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p'
	forget_requests "$1"
}

# start_tokens NAME [tls] [OPTION...]
start_tokens()
{
	local dir=$SERVERS/$1
	mkdir -p "$dir"
	make_pki
	echo http >"$dir/scheme"
	[[ " $* " != *" tls "* ]] || echo https >"$dir/scheme"
	: >"$dir/log"
	$PYTHON "$LIB/tokenserver.py" "$PKI" "anna=$PASSWORD" "$@" >>"$dir/log" 2>&1 &
	reap $!
	echo $! >"$dir/pid"
	wait_for_addr "$1" $! 's/^listening on \([0-9]*\)$/\1/p'
	forget_requests "$1"
}

start_proxy()
{
	local dir=$SERVERS/$1
	mkdir -p "$dir"
	: >"$dir/log"
	$PYTHON "$LIB/faultproxy.py" "$(port "$2")" "$1" "${@:3}" >>"$dir/log" 2>&1 &
	reap $!
	echo $! >"$dir/pid"
	wait_for_addr "$1" $! 's/^listening on \([0-9]*\)$/\1/p'
	forget_requests "$1"
}

start_hostile()
{
	local dir=$SERVERS/hostile
	mkdir -p "$dir"
	make_pki
	: >"$dir/log"
	$PYTHON "$LIB/hostileregistry.py" "$PKI" "$PASSWORD" >>"$dir/log" 2>&1 &
	reap $!
	echo $! >"$dir/pid"
	wait_for_addr hostile $! 's/^listening on \([0-9]*\)$/\1/p'
	forget_requests hostile
}

start_habits()
{
	local dir=$SERVERS/habits
	mkdir -p "$dir"
	: >"$dir/log"
	$PYTHON "$LIB/habitsregistry.py" >>"$dir/log" 2>&1 &
	reap $!
	echo $! >"$dir/pid"
	wait_for_addr habits $! 's/^listening on \([0-9]*\)$/\1/p'
	forget_requests habits
}

hostile_port() { sed -n "s/^$1 \([0-9]*\)\$/\1/p" "$SERVERS/hostile/log"; }

# hostile_requests [PATTERN]: "LISTENER METHOD PATH STATUS -|basic|bearer" since forget_requests hostile.
hostile_requests()
{
	sleep 0.1
	tail -n "+$(($(cat "$SERVERS/hostile/seen") + 1))" "$SERVERS/hostile/log" | grep -E -- "${1-}" || :
}

stop()
{
	local pid i
	pid=$(cat "$SERVERS/$1/pid")
	kill "$pid" 2>/dev/null || :
	await exited "$pid"
}

# Lines of docker-registry's own access log, and of our servers in the same form.
requests()
{
	tail -n "+$(($(cat "$SERVERS/$1/seen") + 1))" "$SERVERS/$1/log" |
		sed -nE 's/^[0-9.:]+ - [^ ]* \[[^]]*\] "([A-Z]+) ([^ "]+)[^"]*" ([0-9]+) ([0-9]+).*/\1 \2 \3 \4/p' |
		grep -E -- "${2-}" || :
}

forget_requests()
{
	# The log of a request is written when its answer is out.
	sleep 0.1
	wc -l <"$SERVERS/$1/log" >"$SERVERS/$1/seen"
}

# trust NAME...: by certs.d, where podman, skopeo and imagefs look; docker takes every certificate of 127.0.0.1.
trust()
{
	local name
	for name; do
		mkdir -p "$HOME/.config/containers/certs.d/$(addr "$name")"
		cp "$CA" "$HOME/.config/containers/certs.d/$(addr "$name")/"
	done
}

distrust() { rm -rf "$HOME/.config/containers/certs.d/$(addr "$1")"; }

make_image_small() { $PYTHON "$LIB/registryimages.py" small "$1"; }

# image_small: prints the path of an OCI layout with an image 1 of three small layers, made in no time.
image_small() { made oci-small make_image_small; }

make_image_medium() { $PYTHON "$LIB/registryimages.py" medium "$1"; }

# image_medium: the same with four layers and 4 MB.
image_medium() { made oci-medium make_image_medium; }

put_image()
{
	skopeo copy -q --dest-tls-verify=false "oci:${3-$(image_small)}:1" "docker://$(addr "$1")/$2"
}

blob_path()
{
	local hex=${2#*:}
	echo "$SERVERS/$1/data/docker/registry/v2/blobs/${2%%:*}/${hex:0:2}/$hex/data"
}
