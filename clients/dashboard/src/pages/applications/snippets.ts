import type { Language } from "../../parts/Snippet";

/** What an exchange takes; without a secret, the code reads it from the environment. */
export interface Exchange {
  origin: string;
  appId: string;
  secret?: string | undefined;
  /** A user for whom it works as pasted, if there is one. */
  userId?: string | undefined;
}

/** Returns the exchange of a secret for the tokens of a user, in the languages of backends. */
export function exchangeSnippets(exchange: Exchange): Partial<Record<Language, string>> {
  return { curl: curl(exchange), Go: go(exchange), TypeScript: typescript(exchange) };
}

function curl({ origin, appId, secret, userId = "THE_ID_OF_A_USER" }: Exchange): string {
  return `export OPENWEARABLES_APP_SECRET=${secret ?? "THE_SECRET_OF_THIS_APPLICATION"}
curl -X POST ${origin}/api/v1/users/${userId}/token \\
  -H 'Content-Type: application/json' \\
  -d '{"app_id": "${appId}", "app_secret": "'$OPENWEARABLES_APP_SECRET'"}'`;
}

function go({ origin, appId, secret, userId = "THE_ID_OF_A_USER" }: Exchange): string {
  const value = secret ? `"${secret}"` : `os.Getenv("OPENWEARABLES_APP_SECRET")`;
  return `// go get github.com/openwearables/openwearables/clients/go
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

func main() {
	client, err := openwearables.New("${origin}")
	if err != nil {
		log.Fatal(err)
	}
	app := openwearables.AppCredentials("${appId}", ${value})
	pair, err := client.Tokens.Exchange(context.Background(), "${userId}", app)
	if err != nil {
		log.Fatal(err)
	}
	_ = json.NewEncoder(os.Stdout).Encode(pair.Expose()) // to the app of this user
}
`;
}

function typescript({ origin, appId, secret, userId = "THE_ID_OF_A_USER" }: Exchange): string {
  const value = secret ? `"${secret}"` : "process.env.OPENWEARABLES_APP_SECRET!";
  return `// npm install @openwearables/sdk
import { appCredentials } from "@openwearables/sdk/node";

const app = appCredentials({
  baseUrl: "${origin}",
  appId: "${appId}",
  appSecret: ${value},
});
const pair = await app.exchange("${userId}");
console.log(pair.expose()); // to the app of this user
`;
}
