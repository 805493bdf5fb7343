import { Link } from "../../parts/Link";
import { called, type Named, pageOf } from "./names";

export interface WhoProps {
  /** As the record has it, such as `key:key_…`. */
  actor: string;
  names: readonly Named[];
  /** The words before it. */
  before?: string | undefined;
}

/** Who did something, or what it was done to, with the link to its page. */
export function Who({ actor, names, before }: WhoProps) {
  const name = called(actor, names, before);
  const href = pageOf(actor);
  return (
    <bdi className="who" title={actor}>
      {href ? (
        <Link href={href} kind="bare">
          {name}
        </Link>
      ) : (
        name
      )}
    </bdi>
  );
}
