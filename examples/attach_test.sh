#!/bin/sh
# attach_test.sh EXAMPLE TICKER: the process attached to is not a child of the example, and outlives it.
cd /proc || exit 1
input=$(mktemp -u)
mkfifo "$input" || exit 1
"$2" <"$input" &
ticker=$!
exec 3>"$input"
rm "$input"
"$1" $ticker || exit 1
exec 3>&-
wait $ticker
echo "the program went on and exited with $?"
