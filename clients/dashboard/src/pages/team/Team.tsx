import { PageHeader } from "../../parts/PageHeader";

export default function Team() {
  return (
    <div className="page">
      <PageHeader title="Team" />
    </div>
  );
}
