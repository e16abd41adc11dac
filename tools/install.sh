#!/usr/bin/env bash
# Installs what tests need beyond Go modules into .tools/bin: pinned versions, quiet, quick when all is there.
# A tool of version V leaves the mark .tools/bin/.NAME-V; change the version and it is installed anew.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$repo/.tools/bin
mkdir -p "$bin"

# go_tool NAME MODULE-PATH VERSION
go_tool() {
  local name=$1 path=$2 version=$3
  local mark=$bin/.$name-$version
  [[ -x $bin/$name && -e $mark ]] && return 0
  echo "installing $name $version" >&2
  # Outside the repository, so that its go.mod stays out of it; into a fresh directory, so that two of us may race.
  local fresh
  fresh=$(mktemp -d "$bin/.new-XXXXXX")
  (cd "$fresh" && CGO_ENABLED=0 GOBIN=$fresh GOFLAGS= go install -ldflags='-s -w' "$path@$version")
  mv -f "$fresh/$name" "$bin/$name"
  rmdir "$fresh"
  rm -f "$bin/.$name-"v*
  touch "$mark"
}

# versitygw: the S3 server of the object-store tests.
versitygw() {
  go_tool versitygw github.com/versity/versitygw/cmd/versitygw v1.8.0
}

versitygw
