import { PageHeader } from "../../parts/PageHeader";

export default function Alerts() {
  return (
    <div className="page">
      <PageHeader title="Alerts" />
    </div>
  );
}
