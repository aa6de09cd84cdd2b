// etcd, as a program of its own: its module keeps `main` where `go build` from outside cannot stamp it.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
