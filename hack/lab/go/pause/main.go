// Command pause holds a pod's namespaces open until it is told to end. Kubernetes' own is C; this one
// asks for no compiler but the one that the lab has anyway.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	<-end
}
