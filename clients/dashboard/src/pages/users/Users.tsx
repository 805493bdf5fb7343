import { PageHeader } from "../../parts/PageHeader";

export default function Users() {
  return (
    <div className="page">
      <PageHeader title="Users" />
    </div>
  );
}
