package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const prSetChildSubreaper = 36

// exitRecord is DIR/exit.json. ExitCode is 128 + signal for a program that a signal ended.
type exitRecord struct {
	ExitCode   int    `json:"exitCode"`
	Signal     int    `json:"signal"`
	StartedAt  string `json:"startedAt"`
	FinishedAt string `json:"finishedAt"`
	// StartFailed: the sandbox could not run the program at all; the log says why.
	StartFailed bool `json:"startFailed"`
}

// startRecord is DIR/start.json: the program's process as seen from the cluster's PID namespace.
type startRecord struct {
	Pid       int    `json:"pid"`
	StartedAt string `json:"startedAt"`
}

// container is one running bubblewrap with the program as process 1 below it.
type container struct {
	mutex   sync.Mutex
	wrapper int
	program int
	// termWanted: a SIGTERM came before the program was there.
	termWanted bool
	exitCode   *int
}

// runContainer is the parent of one container: it keeps the log, forwards SIGTERM to the program, kills the
// container on SIGUSR1, and writes DIR/exit.json when it ended. bubblewrap reports on descriptor 3 (--json-status-fd 3).
func runContainer(arguments []string) error {
	before, command, err := splitCommand(arguments)
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("run", flag.ExitOnError)
	dir := flags.String("dir", "", "folder for start.json and exit.json")
	logFile := flags.String("log", "", "log file")
	argsFile := flags.String("args-file", "", "opened as descriptor 4 (bwrap --args 4) and removed: it may hold secrets")
	limit := flags.Int64("log-limit", 10<<20, "size in bytes at which the log is rotated")
	if err := flags.Parse(before); err != nil {
		return err
	}
	if *dir == "" || *logFile == "" {
		return errors.New("run needs --dir and --log")
	}
	// The parent-death signal follows the thread that started the child, so that thread must stay.
	runtime.LockOSThread()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGUSR1)
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)
	// Fails where the node already made us a session leader, which is what we want.
	_, _ = syscall.Setsid()
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0)

	log, err := openLog(*logFile, *limit)
	if err != nil {
		return err
	}
	started := now()
	c := &container{}
	streams, err := c.start(command, *argsFile, log, *dir, started)
	if err != nil {
		log.write("stderr", 'F', []byte(err.Error()))
		return writeJSON(filepath.Join(*dir, "exit.json"),
			exitRecord{ExitCode: 128, StartedAt: started, FinishedAt: now(), StartFailed: true})
	}
	go func() {
		for received := range signals {
			c.deliver(received.(syscall.Signal))
		}
	}()
	exits := make(chan childExit, 1)
	go reapUntil(c.wrapper, exits)
	exit := <-exits
	drain(streams)
	return writeJSON(filepath.Join(*dir, "exit.json"), c.record(exit.status, started))
}

// start runs the command with its streams in the log; what it answers is done when they have ended.
func (c *container) start(command []string, argsFile string, log *criLog, dir, started string) (*sync.WaitGroup, error) {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	var readers, writers [3]*os.File
	for i := range readers {
		if readers[i], writers[i], err = os.Pipe(); err != nil {
			return nil, err
		}
	}
	files := []*os.File{null, writers[0], writers[1], writers[2]}
	if argsFile != "" {
		args, err := os.Open(argsFile)
		if err != nil {
			return nil, err
		}
		defer args.Close()
		_ = os.Remove(argsFile)
		files = append(files, args)
	}
	process, err := os.StartProcess(path, command, &os.ProcAttr{
		Files: files,
		Env:   os.Environ(),
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	_ = null.Close()
	for _, writer := range writers {
		_ = writer.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	c.wrapper = process.Pid
	var group sync.WaitGroup
	group.Add(3)
	go func() { defer group.Done(); log.copy("stdout", readers[0]) }()
	go func() { defer group.Done(); log.copy("stderr", readers[1]) }()
	go func() { defer group.Done(); c.follow(readers[2], dir, started) }()
	return &group, nil
}

// follow reads bubblewrap's status lines: {"child-pid": N, …} at the start, {"exit-code": N} at the end.
func (c *container) follow(reader *os.File, dir, started string) {
	lines := bufio.NewScanner(reader)
	for lines.Scan() {
		var status struct {
			ChildPid int  `json:"child-pid"`
			ExitCode *int `json:"exit-code"`
		}
		if json.Unmarshal(lines.Bytes(), &status) != nil {
			continue
		}
		c.mutex.Lock()
		if status.ChildPid != 0 {
			c.program = status.ChildPid
			_ = writeJSON(filepath.Join(dir, "start.json"), startRecord{status.ChildPid, started})
			if c.termWanted {
				_ = syscall.Kill(c.program, syscall.SIGTERM)
			}
		}
		if status.ExitCode != nil {
			c.exitCode = status.ExitCode
		}
		c.mutex.Unlock()
	}
}

func (c *container) deliver(received syscall.Signal) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if received == syscall.SIGUSR1 {
		if c.program != 0 {
			_ = syscall.Kill(c.program, syscall.SIGKILL)
		} else {
			_ = syscall.Kill(c.wrapper, syscall.SIGKILL)
		}
		return
	}
	if c.program == 0 {
		c.termWanted = true
		return
	}
	_ = syscall.Kill(c.program, syscall.SIGTERM)
}

func (c *container) record(status syscall.WaitStatus, started string) exitRecord {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	record := exitRecord{StartedAt: started, FinishedAt: now()}
	switch {
	case c.exitCode != nil:
		record.ExitCode = *c.exitCode
	case status.Signaled():
		record.ExitCode = 128 + int(status.Signal())
	default:
		record.ExitCode = 128
		record.StartFailed = true
	}
	if record.ExitCode > 128 && record.ExitCode < 128+65 {
		record.Signal = record.ExitCode - 128
	}
	return record
}

// drain waits for the streams to end, but not for ever: a descriptor may have been handed to somebody else.
func drain(streams *sync.WaitGroup) {
	done := make(chan struct{})
	go func() { streams.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
}

func now() string { return time.Now().UTC().Format(timeFormat) }

// writeJSON replaces the file in one step, so that a reader never sees half of it.
func writeJSON(path string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
