import { PageHeader } from "../../parts/PageHeader";

export default function User() {
  return (
    <div className="page">
      <PageHeader title="User" />
    </div>
  );
}
