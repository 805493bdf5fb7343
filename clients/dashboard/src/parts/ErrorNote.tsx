import { CircleAlert } from "lucide-react";
import { Button } from "./Button";
import { Copy } from "./Copy";
import { problem } from "./problem";

export interface ErrorNoteProps {
  /** What a call threw. */
  error?: unknown;
  /** A sentence in place of the error's own. */
  sentence?: string | undefined;
  /** Shows "Try again". */
  onRetry?: (() => void) | undefined;
  /** In place of a whole table or page, with room around it. */
  page?: boolean | undefined;
}

/** What went wrong in one sentence, the request id, and "Try again". */
export function ErrorNote({ error, sentence, onRetry, page }: ErrorNoteProps) {
  const found = problem(error, page ? "see" : "do");
  return (
    <div className={page ? "error-note error-note-page" : "error-note"} role="alert" tabIndex={-1}>
      <CircleAlert size={16} aria-hidden="true" />
      <div className="error-text">
        <p>{sentence ?? found.sentence}</p>
        {found.requestId && (
          <p className="error-id">
            Request <code>{found.requestId}</code>
            <Copy value={found.requestId} what="request id" />
          </p>
        )}
      </div>
      {onRetry && (
        <Button small onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}
