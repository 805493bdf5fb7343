import { PageHeader } from "../../parts/PageHeader";

export default function Overview() {
  return (
    <div className="page">
      <PageHeader title="Overview" />
    </div>
  );
}
