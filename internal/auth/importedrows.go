package auth

import (
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// unnamed is the name of an imported key or application whose own cannot be a name here.
const unnamed = "Imported"

// sift holds the rows of a batch to the rules of this server, whoever wrote them: it
// leaves out those that could not be here, and of the others what could not, and says so.
func (in *importing) sift(b *ImportBatch) {
	b.Developers = sifted(in, ImportedDeveloper, b.Developers, func(v *problem.Check, d *ImportDeveloper) string {
		checkRow(v, &d.ID, d.CreatedAt)
		checkImportedTime(v, "updated_at", d.UpdatedAt)
		d.Email = checkEmail(v, "email", d.Email)
		in.fit(ImportedDeveloper, d.ID, &d.FirstName, firstName)
		in.fit(ImportedDeveloper, d.ID, &d.LastName, lastName)
		return d.ID
	})
	b.Users = sifted(in, ImportedUser, b.Users, func(v *problem.Check, u *User) string {
		checkRow(v, &u.ID, u.CreatedAt)
		in.fit(ImportedUser, u.ID, &u.FirstName, firstName)
		in.fit(ImportedUser, u.ID, &u.LastName, lastName)
		in.fit(ImportedUser, u.ID, &u.Email, func(v *problem.Check, s string) string { return checkEmail(v, "email", s) })
		in.fit(ImportedUser, u.ID, &u.ExternalUserID, func(v *problem.Check, s string) string {
			v.Text("external_user_id", s, 1, problem.MaxText)
			return s
		})
		in.fit(ImportedUser, u.ID, &u.LastSyncedProvider, func(v *problem.Check, s string) string { return v.Name("provider", s, 1, problem.MaxName) })
		return u.ID
	})
	b.Applications = sifted(in, ImportedApplication, b.Applications, func(v *problem.Check, a *ImportApplication) string {
		checkRow(v, &a.ID, a.CreatedAt)
		a.Name = in.fitName(ImportedApplication, a.AppID, a.Name)
		return a.AppID
	})
	b.Keys = sifted(in, ImportedKey, b.Keys, func(v *problem.Check, k *ImportKey) string {
		id := importedKeyID(importedKeyHash(in.vault, k.SecretDigest))
		checkImportedTime(v, "created_at", k.CreatedAt)
		k.Name = in.fitName(ImportedKey, id, k.Name)
		k.Prefix = credential.ShownOfImportedKey(k.Prefix)
		if _, err := problem.UUID("", k.CreatedBy); err != nil {
			k.CreatedBy = ""
		}
		return id
	})
	b.Sessions = sifted(in, ImportedSession, b.Sessions, func(v *problem.Check, t *ImportToken) string {
		checkImportedTime(v, "created_at", t.CreatedAt)
		v.Name("app_id", t.AppID, 0, problem.MaxName)
		return formatID(importedSessionID(in.vault, t.TokenDigest))
	})
	b.Invitations = sifted(in, ImportedInvitation, b.Invitations, func(v *problem.Check, i *ImportInvitation) string {
		checkRow(v, &i.ID, i.CreatedAt)
		checkImportedTime(v, "expires_at", i.ExpiresAt)
		i.Email = checkEmail(v, "email", i.Email)
		return i.ID
	})
}

// sifted returns the rows in which check, which returns the id of one, finds nothing.
func sifted[T any](in *importing, kind string, rows []T, check func(*problem.Check, *T) string) []T {
	kept := rows[:0]
	for i := range rows {
		var v problem.Check
		id := check(&v, &rows[i])
		if wrong := wrongIn(&v); wrong != "" {
			in.result.IDs = append(in.result.IDs, id) // it is not gone
			in.result.odd(kind, id, wrong+": it is not imported")
			continue
		}
		kept = append(kept, rows[i])
	}
	return kept
}

// wrongIn says what the check has found first, "" if that is nothing.
func wrongIn(v *problem.Check) string {
	if len(v.Fields()) == 0 {
		return ""
	}
	first := v.Fields()[0]
	return "its " + first.Field + " " + first.Message
}

func checkRow(v *problem.Check, id *string, createdAt time.Time) {
	if canonical, err := problem.UUID("id", *id); err != nil {
		v.Fail("id", "must be a UUID")
	} else {
		*id = canonical
	}
	checkImportedTime(v, "created_at", createdAt)
}

// checkImportedTime checks that every part of this server can write the time.
func checkImportedTime(v *problem.Check, field string, t time.Time) {
	if year := t.UTC().Year(); year < 1970 || year > 9998 {
		v.Fail(field, "must be a time from 1970 on that has a year of four digits")
	}
}

func firstName(v *problem.Check, s string) string { return v.Name("first_name", s, 1, problem.MaxName) }

func lastName(v *problem.Check, s string) string { return v.Name("last_name", s, 1, problem.MaxName) }

// fit takes from a row a text in which check finds something. An empty one is none.
func (in *importing) fit(kind, id string, text **string, check func(*problem.Check, string) string) {
	if *text == nil || strings.Trim(**text, " ") == "" {
		*text = nil
		return
	}
	var v problem.Check
	next := check(&v, **text)
	if wrong := wrongIn(&v); wrong != "" {
		in.result.odd(kind, id, wrong+": it is imported without")
		*text = nil
		return
	}
	*text = &next
}

// fitName is fit for the name of a key or an application.
func (in *importing) fitName(kind, id, name string) string {
	var v problem.Check
	next := v.Name("name", name, 1, problem.MaxName)
	if wrong := wrongIn(&v); wrong != "" {
		in.result.odd(kind, id, wrong+": it is named "+unnamed)
		return unnamed
	}
	return next
}
