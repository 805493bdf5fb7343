package leak

import (
	"context"
	"io"
	"maps"
	"slices"

	"github.com/openwearables/openwearables/internal/credential"
)

// maxSeen is how much is remembered of what was reported. After that a secret is
// counted for each version of its file.
const maxSeen = 4 * maxFindings

// history is the scan of one repository: of every object once. What a file has is
// held until its commit is known.
type history struct {
	repository
	recorder *recorder
	held     map[string]*fileFindings // by the name of the object
	count    int                      // of the findings held
	seen     map[[2]string]bool       // fingerprint and path of what was reported
}

// history scans every object of the repository that path is in, unless another
// path was in it too. Its error is that of the context.
func (r *recorder) history(ctx context.Context, git, path string) error {
	h := &history{repository{git, path}, r, map[string]*fileFindings{}, 0, map[[2]string]bool{}}
	folder, missing, err := h.inspect(ctx)
	if err == nil && !r.first(folder) {
		return nil
	}
	if missing != nil {
		r.problem(path, missing)
	}
	if err == nil {
		err = h.objects(ctx, func(object, kind string, content io.Reader) error { return h.object(ctx, object, kind, content) })
	}
	if err == nil && len(h.held) > 0 {
		err = h.changes(ctx, h.locate)
	}
	h.rest()
	if err != nil && ctx.Err() == nil {
		r.problem(path, err)
	}
	return ctx.Err()
}

// object searches one object.
func (h *history) object(ctx context.Context, object, kind string, content io.Reader) error {
	f := &fileFindings{}
	size, err := search(ctx, content, f.add)
	if err != nil {
		return err
	}
	h.recorder.searched(size, true)
	if len(f.list) == 0 {
		h.recorder.found(f)
		return nil
	}
	if kind == "blob" && h.count < maxFindings {
		h.held[object] = f
		h.count += len(f.list)
		return nil
	}
	commit := ""
	if kind == "commit" {
		commit = object
	}
	h.report(f, commit, object, "")
	return nil
}

// locate reports what an object has at the first place that it is seen at.
func (h *history) locate(commit, object, path string) {
	if f := h.held[object]; f != nil {
		delete(h.held, object)
		h.report(f, commit, object, path)
	}
}

// rest reports what no commit has: files that were staged, or of commits that were
// amended away.
func (h *history) rest() {
	for _, object := range slices.Sorted(maps.Keys(h.held)) {
		h.report(h.held[object], "", object, "")
	}
}

// report records what an object has. Of the versions of one file with the same
// secret only the first counts, and of what has no path only a secret that was
// not seen before.
func (h *history) report(f *fileFindings, commit, object, path string) {
	f.end(path)
	f.list = slices.DeleteFunc(f.list, func(x Finding) bool {
		anywhere, here := [2]string{x.Fingerprint}, [2]string{x.Fingerprint, path}
		known := h.seen[here]
		if len(h.seen) < maxSeen {
			h.seen[anywhere], h.seen[here] = true, true
		}
		return known
	})
	for i := range f.list {
		f.list[i].Repository, f.list[i].Commit, f.list[i].Object = credential.Redact(h.path), commit, object
	}
	h.recorder.found(f)
}
