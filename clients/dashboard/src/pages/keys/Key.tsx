import { PageHeader } from "../../parts/PageHeader";

export default function Key() {
  return (
    <div className="page">
      <PageHeader title="API key" />
    </div>
  );
}
