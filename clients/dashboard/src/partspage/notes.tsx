import { OpenWearablesError } from "@openwearables/sdk";
import { Banner } from "../parts/Banner";
import { Button } from "../parts/Button";
import { Card } from "../parts/Card";
import { Copy } from "../parts/Copy";
import { Empty } from "../parts/Empty";
import { ErrorNote } from "../parts/ErrorNote";
import { SecretOnce } from "../parts/SecretOnce";
import { Skeleton } from "../parts/Skeleton";
import { Snippet } from "../parts/Snippet";
import { Tag } from "../parts/Tag";
import { Part } from "./Part";

const failed = new OpenWearablesError("the database is away", {
  kind: "internal",
  requestId: "01hb7c-4f2a",
});
const forbidden = new OpenWearablesError("forbidden", {
  kind: "forbidden",
  requiredScope: "audit:read",
});

export function Notes() {
  return (
    <>
      <Part name="Notes">
        <ErrorNote error={failed} onRetry={() => {}} />
        <ErrorNote error={forbidden} />
        <ErrorNote sentence="Email or password is wrong." />
        <Banner action={<Button small>Reload</Button>}>A new version is ready.</Banner>
        <Banner tone="warn" bar>
          No connection. Changes wait; nothing is lost.
        </Banner>
        <Banner tone="bad">The record is broken at entry 1,204.</Banner>
        <div className="toolbar">
          <Tag>Disabled</Tag>
          <Tag tone="good">Active</Tag>
          <Tag tone="warn">Expires in 9 days</Tag>
          <Tag tone="bad">Expired</Tag>
          <span className="mono">req_01hb7c</span>
          <Copy value="req_01hb7c" what="request id" />
          <Copy value="https://example.com/accept#token=example" what="link" words />
        </div>
      </Part>
      <Part name="Waiting">
        <Skeleton lines={3} width="60%" />
        <Skeleton height="80px" />
        <Card>
          <Empty title="Nobody matches “ada”." action={<Button>Clear the search</Button>} />
        </Card>
        <Card title="Your key">
          <SecretOnce
            label="First key"
            secret={["ow_test", "k7wbxjt5n9yhd3v6cq8zr4m2"].join("_")}
            onStored={() => {}}
          />
        </Card>
      </Part>
      <Part name="Snippet">
        <Snippet
          label="First request"
          code={{
            curl: '# Lists the users\ncurl https://wearables.example.com/api/v1/users \\\n  -H "X-Open-Wearables-API-Key: $OPENWEARABLES_API_KEY"',
            Go: 'client, err := openwearables.NewClient("https://wearables.example.com", openwearables.WithAPIKey(key))\n// One page of them\nusers, err := client.Users.List(ctx, nil)',
            TypeScript:
              'const client = createClient({ baseUrl: "https://wearables.example.com", apiKey });\nfor await (const user of client.users.list()) {\n  console.log(user.email); // each of them\n}',
            Swift:
              'let client = try OpenWearables(baseURL: "https://wearables.example.com", apiKey: key)\nlet users = try await client.users.list()',
          }}
        />
        <Snippet label="Start" code={{ curl: "openwearables serve --dev" }} />
      </Part>
    </>
  );
}
