import { PageHeader } from "../../parts/PageHeader";

export default function Applications() {
  return (
    <div className="page">
      <PageHeader title="Applications" />
    </div>
  );
}
