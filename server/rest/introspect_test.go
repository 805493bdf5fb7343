package rest

import (
	"net/url"
	"testing"
)

// FuzzFormToken checks that a form is read without a panic, and that a token which is read is the only
// one of the form.
func FuzzFormToken(f *testing.F) {
	for _, form := range []string{"", "token=x", "token=a&token=b", "token=%zz", "token=a;b", "token_type_hint=a&token=%00", "token=x&token_type_hint=a&token_type_hint=b"} {
		f.Add(form)
	}
	f.Fuzz(func(t *testing.T, form string) {
		token, err := formToken(form)
		values, broken := url.ParseQuery(form)
		if (token == "") != (err != nil) {
			t.Errorf("%q is read as %q, %v", form, token, err)
		}
		if err == nil && (broken != nil || len(values["token"]) != 1 || values.Get("token") != token) {
			t.Errorf("%q is read as %q", form, token)
		}
	})
}
