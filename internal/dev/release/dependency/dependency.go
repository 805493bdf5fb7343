// Package dependency tells which modules a program is built from, and under which
// licence each is.
package dependency

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Module is a module that is linked into a program.
type Module struct {
	Path, Version string
	License       string // an identifier of SPDX
	Text          string // of its licence
}

// Of returns the modules of others from which the go command builds the package in the
// folder of the tree at root, by their paths. It reads the module cache.
func Of(root, folder string) ([]Module, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=Module", folder)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", folder, err)
	}
	found := map[string]Module{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Module *struct{ Path, Version, Dir string }
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if p.Module == nil || isOwn(p.Module.Path) || found[p.Module.Path].Path != "" {
			continue
		}
		m := Module{Path: p.Module.Path, Version: p.Module.Version}
		if m.License, m.Text, err = license(p.Module.Dir); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		found[m.Path] = m
	}
	var all []Module
	for _, m := range found {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Module) int { return cmp.Compare(a.Path, b.Path) })
	return all, nil
}

func isOwn(path string) bool {
	const own = "github.com/openwearables/openwearables"
	return path == own || strings.HasPrefix(path, own+"/")
}

// license reads the licence of the module in a folder.
func license(dir string) (id, text string, err error) {
	for _, name := range []string{"LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "COPYING", "License", "license"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return "", "", err
		}
		id, err := Identify(string(content))
		return id, string(content), err
	}
	return "", "", fmt.Errorf("there is no licence in %s", dir)
}

// marks are words that only one licence has. The first that fits counts.
var marks = []struct{ id, words string }{
	{"Apache-2.0", "Apache License Version 2.0"},
	{"MPL-2.0", "Mozilla Public License Version 2.0"},
	{"BSD-3-Clause", "Neither the name of"},
	{"BSD-3-Clause", "names of its contributors may be used"},
	{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose"},
}

// Identify returns the identifier of SPDX of a licence, or an error for one that it does
// not know: read that, and see whether it may be used, before it is added.
func Identify(text string) (string, error) {
	text = strings.ReplaceAll(strings.Join(strings.Fields(text), " "), ", Version", " Version")
	for _, m := range marks {
		if strings.Contains(strings.ToLower(text), strings.ToLower(m.words)) {
			return m.id, nil
		}
	}
	return "", errors.New("its licence is not known: read it, and add it to dependency.marks if it may be used")
}
