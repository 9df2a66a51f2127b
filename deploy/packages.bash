# Sourced by the scripts beside it: what they need from the system, installed if it is not there.

# What building needs.
build_packages=(git pkg-config zlib1g-dev libssl-dev libnghttp2-dev libsqlite3-dev libyaml-dev)

say() { printf '%s\n' "$*" >&2; }

stop() {
  say "$(basename "$0"): $*"
  exit 1
}

# need_swift: a Swift toolchain is the one thing that is not installed here.
need_swift() {
  command -v swift >/dev/null || stop "swift is not on the PATH; install Swift 6.2 or later from swift.org first"
}

# need PACKAGE…: installs the Debian packages among these that are not installed.
need() {
  local package missing=()
  command -v dpkg-query >/dev/null \
    || { say "This is not Debian or Ubuntu: making do with what is there. Needed: $*"; return 0; }
  for package in "$@"; do
    [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] \
      || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get)
  if ((EUID != 0)); then
    command -v sudo >/dev/null || stop "not installed: ${missing[*]}; run as root: apt-get install ${missing[*]}"
    # Without a terminal nobody could answer sudo's question.
    if { : </dev/tty; } 2>/dev/null; then apt=(sudo "${apt[@]}"); else apt=(sudo --non-interactive "${apt[@]}"); fi
  fi
  say "Installing ${missing[*]} …"
  "${apt[@]}" -qq update >&2 || say "The package lists could not be brought up to date; trying with the old ones."
  "${apt[@]}" -qq install --yes --no-install-recommends "${missing[@]}" >&2 \
    || stop "cannot install ${missing[*]}; install them by hand and start again"
}
