# shellcheck shell=bash disable=SC2034
# Shared by apps/run, tests/run and .ci/run: install what is missing, configure and build without noise.
# Sourced by bash with the repository as the current directory.

build_packages=(g++ meson ninja-build pkg-config libcli11-dev libeigen3-dev libfmt-dev libstb-dev libtbb-dev
                libtinyobjloader-dev libxbyak-dev nlohmann-json3-dev zlib1g-dev)

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "$0: $*"
  exit 1
}

# as_root COMMAND...: directly or by sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# require PACKAGE...: on Debian and its kin, installs the packages that are missing. Elsewhere what is missing
# shows when Meson looks for it; libraries are then fetched as subprojects.
require() {
  if ! command -v apt-get dpkg-query > /dev/null; then
    command -v meson ninja > /dev/null ||
      fail "needs a C++20 compiler, Meson 1.0.1 or newer, Ninja and pkg-config; here they are to be installed by hand"
    return 0
  fi
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  [ "$(id -u)" = 0 ] || command -v sudo > /dev/null ||
    fail "as root, please: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  mkdir -p build
  as_root apt-get update > build/install.log 2>&1 &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" \
      >> build/install.log 2>&1 || {
    tail -n 20 build/install.log >&2
    fail "apt-get could not install ${missing[*]}"
  }
}

# configure NAME [MESON OPTION...]: sets up or updates build/NAME.
configure() {
  local name=$1 update=()
  shift
  mkdir -p build
  [ ! -f "build/$name/build.ninja" ] || update=(--reconfigure)
  meson setup "${update[@]}" "build/$name" -Db_colorout=never "$@" > "build/$name.log" 2>&1 || {
    tail -n 20 "build/$name.log" >&2
    fail "Meson could not configure build/$name; all of its output is in build/$name.log"
  }
}

# compile NAME [TARGET...]: builds the targets, or all, of build/NAME.
compile() {
  local name=$1
  shift
  say "building build/$name"
  ninja -C "build/$name" -j "$(getconf _NPROCESSORS_ONLN)" "$@" >> "build/$name.log" 2>&1 || {
    grep -E -A 15 '^FAILED|error:' "build/$name.log" | head -n 60 >&2
    fail "the build failed; all of its output is in build/$name.log"
  }
}
