import { PageHeader } from "../../parts/PageHeader";

export default function Settings() {
  return (
    <div className="page">
      <PageHeader title="Settings" />
    </div>
  );
}
