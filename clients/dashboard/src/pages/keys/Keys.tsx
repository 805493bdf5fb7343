import { PageHeader } from "../../parts/PageHeader";

export default function Keys() {
  return (
    <div className="page">
      <PageHeader title="API keys" />
    </div>
  );
}
