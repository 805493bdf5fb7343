import "./settings.css";
import { PageHeader } from "../../parts/PageHeader";
import { Tabs } from "../../parts/Tabs";
import { AccountCard } from "./AccountCard";
import { AppearanceCard } from "./AppearanceCard";
import { Installation } from "./Installation";
import { PasswordCard } from "./PasswordCard";
import { SessionsCard } from "./SessionsCard";

/** One's own account, and what this installation is set to. */
export default function Settings() {
  return (
    <div className="page">
      <PageHeader title="Settings" />
      <Tabs
        label="Settings"
        tabs={[
          { id: "account", label: "Your account", render: () => <Account /> },
          { id: "installation", label: "Installation", render: () => <Installation /> },
        ]}
      />
    </div>
  );
}

function Account() {
  return (
    <div className="stack settings">
      <AccountCard />
      <PasswordCard />
      <SessionsCard />
      <AppearanceCard />
    </div>
  );
}
