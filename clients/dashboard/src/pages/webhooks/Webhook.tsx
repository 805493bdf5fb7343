import { PageHeader } from "../../parts/PageHeader";

export default function Webhook() {
  return (
    <div className="page">
      <PageHeader title="Webhook" />
    </div>
  );
}
