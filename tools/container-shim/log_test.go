package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func readLines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		_, text, _ := strings.Cut(line, " ")
		texts = append(texts, text)
	}
	return texts
}

func TestLogMarksLinesThatGoOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "0.log")
	log, err := openLog(path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	log.copy("stdout", strings.NewReader("one\n"+strings.Repeat("x", longestLine+1)+"\nlast"))
	lines := readLines(t, path)
	want := []string{"stdout F one", "stdout P " + strings.Repeat("x", longestLine), "stdout F x", "stdout F last"}
	if strings.Join(lines, "|") != strings.Join(want, "|") {
		t.Fatalf("got %d lines, want %d", len(lines), len(want))
	}
}

func TestLogRotatesAtItsLimitAndKeepsThePreviousPart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "0.log")
	log, err := openLog(path, 200)
	if err != nil {
		t.Fatal(err)
	}
	log.copy("stderr", strings.NewReader(strings.Repeat("0123456789\n", 9)))
	for _, part := range []string{path, path + ".1"} {
		info, err := os.Stat(part)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() == 0 || info.Size() > 200 {
			t.Fatalf("%s has %d bytes", part, info.Size())
		}
	}
}
