// Command container-shim is the small native part of an embedded environment: process 1 of the cluster's
// namespace (init), the process that holds a pod's network namespace open (pause), and the parent of one
// container (run), which must outlive the node that started it.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

const usage = `usage:
  container-shim init -- COMMAND...                   process 1: keep COMMAND running, reap orphans
  container-shim pause [--hostname NAME]              hold namespaces open until a signal comes
  container-shim run --dir DIR --log FILE -- COMMAND... be the parent of one container`

func main() {
	// Dozens of these run side by side, each with next to nothing to do.
	debug.SetGCPercent(20)
	debug.SetMemoryLimit(16 << 20)
	runtime.GOMAXPROCS(1)
	if len(os.Args) < 2 {
		fail(usage)
	}
	var err error
	switch arguments := os.Args[2:]; os.Args[1] {
	case "init":
		err = runInit(arguments)
	case "pause":
		err = runPause(arguments)
	case "run":
		err = runContainer(arguments)
	default:
		fail(usage)
	}
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "container-shim: "+message)
	os.Exit(2)
}

// splitCommand separates what stands before "--" from the command behind it.
func splitCommand(arguments []string) (flags, command []string, err error) {
	for i, argument := range arguments {
		if argument == "--" && i+1 < len(arguments) {
			return arguments[:i], arguments[i+1:], nil
		}
	}
	return nil, nil, fmt.Errorf("no command after --\n%s", usage)
}
