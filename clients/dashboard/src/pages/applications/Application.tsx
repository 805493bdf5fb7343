import { PageHeader } from "../../parts/PageHeader";

export default function Application() {
  return (
    <div className="page">
      <PageHeader title="Application" />
    </div>
  );
}
