# Sourced by deb_test: a Debian of its own, booted with its own systemd, without a network.

skip() {
  echo "skipped: $*"
  exit 77
}

# The mirror that this machine uses, as its apt is configured.
mirror() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(CREATED_BY)' |
    awk '$2 == "bookworm" && $3 == "Packages" { print $1; exit }'
}

# As apt works here, so it does there: sources, proxies, keys, names.
lend_apt() { # ROOT
  local root=$1 file
  rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d
  for file in sources.list sources.list.d auth.conf.d trusted.gpg trusted.gpg.d keyrings; do
    [ ! -e "/etc/apt/$file" ] || cp -rLT "/etc/apt/$file" "$root/etc/apt/$file"
  done
  apt-config dump Acquire | grep -Ei '^Acquire::(https?|Check-|Retries)' >"$root/etc/apt/apt.conf.d/90lent" || true
  # Not through a link of the tree's, which would lead out of it.
  cp -rL --remove-destination /usr/share/keyrings/. "$root/usr/share/keyrings/"
  cp -L --remove-destination /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  cp -L --remove-destination /etc/resolv.conf /etc/hosts "$root/etc/"
}

# A minimal Debian with systemd in BASE, kept for the next time.
bootstrap() { # BASE
  local base=$1 uri
  [ ! -e "$base.done" ] || return 0
  uri=$(mirror)
  [ -n "$uri" ] || skip "apt is not configured for bookworm here"
  rm -rf "$base"
  debootstrap --variant=minbase --include=systemd,dbus,udev,ca-certificates bookworm "$base" "$uri" >"$base.log" 2>&1 ||
    skip "debootstrap failed: $(tail -1 "$base.log")"
  touch "$base.done"
}

# Boots ROOT; bpf is what its systemd keeps devices from services with. Afterwards inside COMMAND… runs there as root.
boot() { # ROOT
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn -q -D "$1" --boot --register=no --keep-unit --private-network \
    --console=pipe --system-call-filter=bpf --capability=CAP_BPF,CAP_NET_ADMIN </dev/null >"$1.console" 2>&1 &
  machine=$!
  eventually 20 booted
  inside systemctl is-system-running --wait >/dev/null || true  # degraded is no concern of ours
}

booted() {
  leader=$(pgrep -P "$machine" -x systemd) && inside test -S /run/systemd/private
}

inside() {
  nsenter -t "$leader" -m -p -n -u -i -C -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive "$@"
}

shut_down() {
  [ -n "${machine:-}" ] || return 0
  # At once: nobody needs what is in it.
  kill -KILL "${leader:-$machine}" 2>/dev/null || true
  wait "$machine" 2>/dev/null || true
}

eventually() { # SECONDS COMMAND…
  local until=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || return 1
    sleep 0.2
  done
}
