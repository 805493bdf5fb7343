import { PageHeader } from "../../parts/PageHeader";

export default function Audit() {
  return (
    <div className="page">
      <PageHeader title="Audit" />
    </div>
  );
}
