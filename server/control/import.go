package control

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/openwearables/openwearables/internal/auth"
)

// importPath is where the socket takes parts of an import, and maxImport how large one
// may be, in bytes.
const (
	importPath = "/import"
	maxImport  = 16 << 20
)

// ImportCommand is one step of an import: a batch or, if After is set, a question for the
// ids of what was imported of the kind of the batch, from one on.
type ImportCommand struct {
	Batch auth.ImportBatch `json:"batch"`
	After *string          `json:"after,omitempty"`
}

type importAnswer struct {
	Result auth.ImportResult `json:"result"`
	Error  string            `json:"error,omitempty"`
}

// Execute executes the step on the services. The answer to a question is in the IDs. Its
// errors are messages for the operator.
func (c ImportCommand) Execute(ctx context.Context, services *auth.Auth) (r auth.ImportResult, err error) {
	if c.After != nil {
		r.IDs, err = services.Imports.After(ctx, c.Batch.Kind, *c.After)
	} else {
		r, err = services.Imports.Import(ctx, c.Batch)
	}
	if err != nil {
		return r, errors.New(operatorMessage(err))
	}
	return r, nil
}

func handleImport(w http.ResponseWriter, r *http.Request, services *auth.Auth) {
	var c ImportCommand
	var a importAnswer
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxImport)).Decode(&c)
	if err == nil {
		a.Result, err = c.Execute(r.Context(), services)
	}
	if err != nil {
		a.Error = err.Error()
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a) // an error means that the client has gone
}

// SendImport is Send for a step of an import.
func SendImport(ctx context.Context, path string, c ImportCommand) (auth.ImportResult, error) {
	var a importAnswer
	if err := post(ctx, path, importPath, c, &a); err != nil {
		return a.Result, err
	}
	if a.Error != "" {
		return a.Result, errors.New(a.Error)
	}
	return a.Result, nil
}
