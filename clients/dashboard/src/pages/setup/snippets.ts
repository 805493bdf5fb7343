import type { Language } from "../../parts/Snippet";

/** Returns a first request in each language, which works as pasted. */
export function snippets(origin: string, key: string): Record<Language, string> {
  return {
    curl: curl(origin, key),
    Go: go(origin, key),
    TypeScript: typescript(origin, key),
    Swift: swift(origin, key),
  };
}

function curl(origin: string, key: string): string {
  return `curl ${origin}/api/v1/users \\
  -H 'Authorization: Bearer ${key}'`;
}

function go(origin: string, key: string): string {
  return `// go get github.com/openwearables/openwearables/clients/go
package main

import (
	"context"
	"fmt"
	"log"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

func main() {
	client, err := openwearables.New("${origin}", openwearables.WithAPIKey("${key}"))
	if err != nil {
		log.Fatal(err)
	}
	for user, err := range client.Users.List(context.Background(), nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(user.GetId(), user.GetEmail())
	}
}
`;
}

function typescript(origin: string, key: string): string {
  return `// npm install @openwearables/sdk
import { apiKey, createClient } from "@openwearables/sdk/node";

const ow = createClient({ baseUrl: "${origin}", auth: apiKey("${key}") });
for await (const user of ow.users.list()) console.log(user.id, user.email);
`;
}

function swift(origin: string, key: string): string {
  return `// Package.swift: .package(url: "https://github.com/openwearables/openwearables-swift.git", from: "0.1.0")
import Foundation
import OpenWearables

let ow = try OpenWearablesClient(baseURL: URL(string: "${origin}")!, apiKey: "${key}")
for try await user in ow.users.list(ListUsersRequest()) {
  print(user.id, user.email ?? "")
}
`;
}
