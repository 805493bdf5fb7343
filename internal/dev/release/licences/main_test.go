package main

import (
	"bytes"
	"os"
	"testing"
)

func TestPageOfLicencesIsUpToDate(t *testing.T) {
	t.Parallel()
	const root = "../../../.."
	var page bytes.Buffer
	if err := write(&page, root, false); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(root + "/server/LICENSES.md")
	if err != nil || !bytes.Equal(kept, page.Bytes()) {
		t.Errorf("server/LICENSES.md is not that of this tree: run make licences (%v)", err)
	}
}
