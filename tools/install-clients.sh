#!/usr/bin/env bash
# Installs the Kafka clients that compat/ drives, into .tools, each only when it is missing:
#   kafka    jars of Apache Kafka (client, tools, and a broker as an oracle), and the classes of tools/java
#   kcat     librdkafka's command line, from Debian
#   python   a venv with confluent-kafka and kafka-python
# Usage: tools/install-clients.sh [kafka|kcat|python]...   (no name: all)
set -euo pipefail

repo="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
tools="$repo/.tools"
mkdir -p "$tools"

# One at a time: test packages run side by side and may all ask.
exec 9>"$tools/.clients.lock"
flock 9

# quietly NAME COMMAND...: runs it, and shows what it printed only when it fails.
quietly() {
  local name="$1" log
  shift
  log="$(mktemp)"
  if ! "$@" >"$log" 2>&1 </dev/null; then
    echo "install of $name failed: $*" >&2
    tail -n 40 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# debian PACKAGE...: needs root; refreshes the package lists once a run.
debian() {
  command -v apt-get >/dev/null || { echo "missing: $*; install it by hand" >&2; return 1; }
  if [ -z "${apt_updated:-}" ]; then
    quietly "package lists" apt-get update -qq
    apt_updated=1
  fi
  quietly "$*" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# digest FILE...: one word that changes when any of the files does.
digest() { cat "$@" | sha256sum | cut -c1-16; }

install_kafka() {
  local pom="$repo/tools/kafka-pom.xml" stamp jars="$tools/kafka"
  stamp="$(digest "$pom")"
  if [ "$(cat "$jars/.stamp" 2>/dev/null)" != "$stamp" ]; then
    command -v javac >/dev/null || debian default-jdk-headless
    command -v mvn >/dev/null || debian maven
    rm -rf "$jars" "$jars.new"
    quietly "the Kafka jars" mvn -q -B -f "$pom" \
      org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
      -DincludeScope=runtime "-DoutputDirectory=$jars.new"
    echo "$stamp" >"$jars.new/.stamp"
    mv "$jars.new" "$jars"
  fi
  stamp="$stamp-$(digest "$repo"/tools/java/*.java)"
  if [ "$(cat "$tools/java-classes/.stamp" 2>/dev/null)" != "$stamp" ]; then
    rm -rf "$tools/java-classes"
    mkdir -p "$tools/java-classes"
    quietly "tools/java" javac -nowarn -cp "$jars/*" -d "$tools/java-classes" "$repo"/tools/java/*.java
    echo "$stamp" >"$tools/java-classes/.stamp"
  fi
}

install_kcat() {
  command -v kcat >/dev/null || debian kcat
}

install_python() {
  local want="$repo/tools/requirements.txt" venv="$tools/python" stamp
  stamp="$(digest "$want")"
  [ "$(cat "$venv/.stamp" 2>/dev/null)" = "$stamp" ] && return
  rm -rf "$venv"
  # Debian's python3 comes without venv; other builds have it.
  if ! python3 -m venv "$venv" >/dev/null 2>&1; then
    debian python3 python3-venv
    rm -rf "$venv"
    quietly "the Python venv" python3 -m venv "$venv"
  fi
  quietly "the Python clients" "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$want"
  echo "$stamp" >"$venv/.stamp"
}

[ $# -gt 0 ] || set -- kafka kcat python
for name in "$@"; do
  case "$name" in
    kafka|kcat|python) "install_$name" ;;
    *) echo "unknown client: $name" >&2; exit 2 ;;
  esac
done
