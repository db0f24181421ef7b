#!/usr/bin/env bash
# Makes sure that the MongoDB tests have a server. The last line on stdout is the directory that
# it is in, to be put on the PATH; all else goes to stderr.
set -euo pipefail

version=0.5.3-beta.193
root="${XDG_CACHE_HOME:-$HOME/.cache}/mcp-sessions/secantusd-rs-$version"

for name in mongod secantusd-rs; do
  if found="$(command -v "$name")" && "$found" --version >/dev/null 2>&1; then
    dirname "$found"
    exit
  fi
done

works() {
  [ "$("$1/bin/secantusd-rs" --version 2>/dev/null | head -n 1)" = "secantusd-rs $version" ]
}

if ! works "$root"; then
  PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
  if ! command -v cargo >/dev/null; then
    echo "install-mongod: needs mongod, or cargo to build secantusd-rs with" >&2
    exit 1
  fi
  # Built beside its place and moved there whole, so that an interrupted build leaves nothing in it.
  mkdir -p "$(dirname "$root")"
  staging="$(mktemp -d "$root.XXXXXX")"
  trap 'rm -rf "$staging"' EXIT
  echo "install-mongod: building secantusd-rs $version, once: some minutes" >&2
  cargo install secantus-mdb --version "$version" --ignore-rust-version --root "$staging" >&2
  if ! works "$staging"; then
    echo "install-mongod: what cargo built does not run" >&2
    exit 1
  fi
  rm -rf "$root"
  mv "$staging" "$root"
fi

echo "$root/bin"
