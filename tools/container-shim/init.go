package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

const (
	shortestBackOff = 500 * time.Millisecond
	longestBackOff  = 30 * time.Second
	steadyAfter     = 60 * time.Second
	stopGrace       = 20 * time.Second
)

type childExit struct {
	pid    int
	status syscall.WaitStatus
}

// runInit keeps one command running as process 1 of a PID namespace. It returns (and with it the kernel ends
// everything else in the namespace) when stdin reaches its end, on SIGTERM, or when the command ends with status 0.
func runInit(arguments []string) error {
	_, command, err := splitCommand(arguments)
	if err != nil {
		return err
	}
	if os.Getpid() != 1 {
		// kill(-1) below would hit every process of the user.
		return errors.New("init must be process 1 of a PID namespace of its own (unshare --pid --fork)")
	}
	stop := make(chan struct{}, 2)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	go func() { <-signals; stop <- struct{}{} }()
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); stop <- struct{}{} }()

	backOff := shortestBackOff
	for {
		started := time.Now()
		ended, stopped, err := runOnce(command, stop)
		if err != nil {
			return err
		}
		// What the command left behind would collide with what its successor starts.
		_ = syscall.Kill(-1, syscall.SIGKILL)
		reapAll()
		if stopped || (ended.Exited() && ended.ExitStatus() == 0) {
			return nil
		}
		if time.Since(started) > steadyAfter {
			backOff = shortestBackOff
		}
		fmt.Fprintf(os.Stderr, "container-shim: %s ended (%s); starts again in %s\n", command[0], describe(ended), backOff)
		select {
		case <-stop:
			return nil
		case <-time.After(backOff):
		}
		backOff = min(backOff*2, longestBackOff)
	}
}

// runOnce runs the command to its end and reaps every orphan meanwhile.
func runOnce(command []string, stop <-chan struct{}) (ended syscall.WaitStatus, stopped bool, err error) {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return 0, false, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, false, err
	}
	defer null.Close()
	process, err := os.StartProcess(path, command, &os.ProcAttr{Files: []*os.File{null, os.Stdout, os.Stderr}})
	if err != nil {
		return 0, false, err
	}
	pid := process.Pid
	exits := make(chan childExit)
	go reapUntil(pid, exits)
	var deadline <-chan time.Time
	for {
		select {
		case exit := <-exits:
			return exit.status, stopped, nil
		case <-stop:
			if !stopped {
				stopped = true
				deadline = time.After(stopGrace)
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
		case <-deadline:
			_ = syscall.Kill(-1, syscall.SIGKILL)
		}
	}
}

// reapUntil waits for children of any kind and reports the one that matters.
func reapUntil(pid int, exits chan<- childExit) {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || ended == pid {
			exits <- childExit{pid, status}
			return
		}
	}
}

func reapAll() {
	for {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(-1, &status, 0, nil); err != nil && err != syscall.EINTR {
			return
		}
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal " + status.Signal().String()
	}
	return fmt.Sprintf("status %d", status.ExitStatus())
}
