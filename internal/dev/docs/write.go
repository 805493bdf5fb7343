package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// write makes a folder hold exactly the files, by their names: NAME.gz, but for what is
// compressed already. A file whose content is as before is left as it is, since another
// release of the compressor may pack it in another way.
func write(folder string, files map[string][]byte) error {
	keep := make(map[string]bool, len(files))
	for name, content := range files {
		name = filepath.FromSlash(name)
		if path.Ext(name) != ".woff2" {
			name += ".gz"
		}
		keep[name] = true
		if err := writeFile(filepath.Join(folder, name), content); err != nil {
			return err
		}
	}
	return filepath.WalkDir(folder, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if name, err := filepath.Rel(folder, at); err != nil || keep[name] {
			return err
		}
		return os.Remove(at)
	})
}

func writeFile(at string, content []byte) error {
	before, err := os.ReadFile(at)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data := content
	if strings.HasSuffix(at, ".gz") {
		before = unpack(before)
		data = pack(content)
	}
	if bytes.Equal(before, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	return os.WriteFile(at, data, 0o644)
}

func pack(content []byte) []byte {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is one of the package's
	}
	_, _ = w.Write(content) // to memory
	_ = w.Close()
	return packed.Bytes()
}

// unpack returns what was packed, nil if that is no gzip.
func unpack(packed []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return nil
	}
	return content
}
