package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// runPause holds the namespaces it was started in, and says "ready" on stdout once the host name is set.
func runPause(arguments []string) error {
	flags := flag.NewFlagSet("pause", flag.ExitOnError)
	hostname := flags.String("hostname", "", "host name of the UTS namespace")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	if *hostname != "" {
		if err := syscall.Sethostname([]byte(*hostname)); err != nil {
			return fmt.Errorf("set host name %q: %w", *hostname, err)
		}
	}
	fmt.Println("ready")
	<-signals
	return nil
}
