package dependency_test

import (
	"testing"

	"github.com/openwearables/openwearables/internal/dev/release/dependency"
)

func TestUnknownLicenceIsAnError(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"                                 Apache License\n                           Version 2.0, January 2004\n": "Apache-2.0",
		"Mozilla Public License Version 2.0\n":                                             "MPL-2.0",
		"Redistribution and use in source and\nbinary forms, with or without":              "BSD-2-Clause",
		"Redistribution and use in source and binary forms ... Neither the name of Google": "BSD-3-Clause",
		"Permission is hereby granted, free of charge, to any person\nobtaining a copy":    "MIT",
		"GNU GENERAL PUBLIC LICENSE":                                                       "",
		"":                                                                                 "",
	} {
		if id, err := dependency.Identify(text); id != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; want %q", text, id, err, want)
		}
	}
}
