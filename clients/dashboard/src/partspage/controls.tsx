import { Plus, RefreshCw } from "lucide-react";
import { useState } from "react";
import { Button, IconButton } from "../parts/Button";
import { Card } from "../parts/Card";
import { FilterChips, Segments, useFilter } from "../parts/FilterChips";
import { Link } from "../parts/Link";
import { Mark } from "../parts/Mark";
import { Menu } from "../parts/Menu";
import { PageHeader } from "../parts/PageHeader";
import { SearchField } from "../parts/SearchField";
import { Tabs } from "../parts/Tabs";
import { Tag } from "../parts/Tag";
import { toast } from "../parts/Toast";
import { Part } from "./Part";

export function Controls() {
  return (
    <>
      <PageHeader
        title="Coach dashboard backend"
        back={{ href: "/keys", label: "API keys" }}
        tag={<Tag tone="warn">Rotating</Tag>}
        sub={
          <>
            <code>ow_live_y6c7…</code> expires in 74 days
          </>
        }
        actions={
          <>
            <Menu
              label="Actions of Coach dashboard backend"
              bordered
              items={[{ label: "Rename", onAction: () => {} }]}
            />
            <Button kind="primary" icon={<RefreshCw size={16} aria-hidden="true" />}>
              Rotate key
            </Button>
          </>
        }
      />
      <Part name="Button">
        <div className="toolbar">
          <Button kind="primary" icon={<Plus size={16} aria-hidden="true" />}>
            Create key
          </Button>
          <Button>Rotate</Button>
          <Button kind="quiet">Cancel</Button>
          <Button kind="danger">Delete key</Button>
          <Button small>Small</Button>
          <Button kind="primary" busy="Creating…">
            Create key
          </Button>
          <Button unavailable="Choose a name first">Save</Button>
          <IconButton label="Close" icon={<Plus size={16} aria-hidden="true" />} />
        </div>
        <Button kind="primary" wide>
          A wide button whose text is so long that it needs more than one line on a phone
        </Button>
      </Part>
      <Part name="Link">
        <div className="toolbar">
          <Link href="/keys">A page</Link>
          <Link href="https://example.com/guide" external>
            A guide
          </Link>
          <Link href="/keys" kind="plain">
            As a button
          </Link>
          <Link href="/keys" kind="primary">
            As the primary one
          </Link>
          <Mark />
          <Mark size={48} />
        </div>
      </Part>
      <Part name="Tabs">
        <Tabs
          label="Ada Lovelace"
          tabs={[
            { id: "profile", label: "Profile", render: () => <p>What is known of Ada.</p> },
            { id: "sessions", label: "Sessions", count: 3, render: () => <p>Three devices.</p> },
            { id: "workouts", label: "Workouts", render: () => <p>Four weeks of them.</p> },
            { id: "access", label: "Access log", render: () => <p>Who read her data.</p> },
          ]}
        />
      </Part>
      <Filters />
      <Part name="Toast">
        <div className="toolbar">
          <Button onClick={() => toast({ text: "Key renamed" })}>Show a toast</Button>
          <Undo />
        </div>
      </Part>
    </>
  );
}

function Filters() {
  const [query, setQuery] = useState("");
  const [period, setPeriod] = useState("30");
  const [on] = useFilter("state");
  return (
    <Part name="Filters">
      <div className="toolbar">
        <SearchField
          label="Search keys"
          placeholder="Name or prefix"
          value={query}
          onChange={setQuery}
        />
        <span className="quiet num">9 keys</span>
        <FilterChips
          label="State"
          name="state"
          options={[
            { value: "active", label: "Active" },
            { value: "rotating", label: "Rotating" },
            { value: "expiring", label: "Expiring" },
            { value: "unused", label: "Unused" },
          ]}
        />
      </div>
      <p>
        Searched: <output id="searched">{query}</output>, filtered:{" "}
        <output id="filtered">{on.join(" ")}</output>
      </p>
      <Card
        title="Period"
        actions={
          <Segments
            label="Period"
            value={period}
            onChange={setPeriod}
            options={[
              { value: "7", label: "7 days" },
              { value: "30", label: "30 days" },
              { value: "90", label: "90 days" },
            ]}
          />
        }
      >
        {period} days
      </Card>
    </Part>
  );
}

function Undo() {
  const [off, setOff] = useState(false);
  return (
    <>
      <Button
        onClick={() => {
          setOff(true);
          toast({ text: "Key disabled", undo: () => setOff(false) });
        }}
      >
        Disable
      </Button>
      <Tag tone={off ? "plain" : "good"}>{off ? "Disabled" : "Active"}</Tag>
    </>
  );
}
