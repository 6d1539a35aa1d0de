package main

import (
	"io"
	"os"
	"sync"
	"time"
)

const (
	longestLine = 16 << 10
	timeFormat  = "2006-01-02T15:04:05.000000000Z07:00"
)

// criLog writes the CRI log format: "<RFC 3339 time> <stream> <F or P> <text>"; P marks a line that goes on.
// At limit bytes the file becomes FILE.1 (the one before it is dropped) and a new one starts.
type criLog struct {
	mutex sync.Mutex
	path  string
	limit int64
	size  int64
	file  *os.File
	line  []byte
}

func openLog(path string, limit int64) (*criLog, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	var size int64
	if info, err := file.Stat(); err == nil {
		size = info.Size()
	}
	return &criLog{path: path, limit: limit, size: size, file: file}, nil
}

// copy reads one stream to its end. A failing disk loses log lines but never blocks the container.
func (l *criLog) copy(stream string, reader io.Reader) {
	buffer := make([]byte, longestLine)
	held := 0
	for {
		n, err := reader.Read(buffer[held:])
		end := held + n
		begin := 0
		for i := held; i < end; i++ {
			if buffer[i] == '\n' {
				l.write(stream, 'F', buffer[begin:i])
				begin = i + 1
			}
		}
		held = copy(buffer, buffer[begin:end])
		if held == len(buffer) {
			l.write(stream, 'P', buffer)
			held = 0
		}
		if err != nil {
			if held > 0 {
				l.write(stream, 'F', buffer[:held])
			}
			return
		}
	}
}

func (l *criLog) write(stream string, tag byte, text []byte) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	line := time.Now().UTC().AppendFormat(l.line[:0], timeFormat)
	line = append(line, ' ')
	line = append(line, stream...)
	line = append(line, ' ', tag, ' ')
	line = append(line, text...)
	line = append(line, '\n')
	l.line = line
	if l.size > 0 && l.size+int64(len(line)) > l.limit {
		l.rotate()
	}
	n, _ := l.file.Write(line)
	l.size += int64(n)
}

func (l *criLog) rotate() {
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		return
	}
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	_ = l.file.Close()
	l.file = file
	l.size = 0
}
