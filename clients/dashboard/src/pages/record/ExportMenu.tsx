import { Download } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Menu } from "../../parts/Menu";
import { count } from "../../parts/number";
import { problem } from "../../parts/problem";
import { toast } from "../../parts/Toast";
import { type Format, save } from "./file";

/** How many rows a file has at most. */
export const mostRows = 10_000;

const running = "One export is running";

export interface Page<T> {
  items: readonly T[];
  next: string | undefined;
}

export interface ExportMenuProps<T> {
  /** The name of the file, without its ending. */
  name: string;
  /** What the rows are, for the message: "reads". */
  rows: string;
  /** Reads the page behind a cursor, the first without. */
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>;
  write: (rows: readonly T[], format: Format) => string;
}

/** Saves what the filters leave as a file, page after page. */
export function ExportMenu<T>({ name, rows, read, write }: ExportMenuProps<T>) {
  const [at, setAt] = useState<number>();
  const abort = useRef<AbortController>(undefined);
  useEffect(() => () => abort.current?.abort(), []);
  const run = async (format: Format) => {
    abort.current = new AbortController();
    const { signal } = abort.current;
    const all: T[] = [];
    setAt(0);
    try {
      let cursor: string | undefined;
      do {
        const page: Page<T> = await read(cursor, signal);
        all.push(...page.items);
        setAt(all.length);
        cursor = page.next;
      } while (cursor !== undefined && all.length < mostRows);
      const kept = all.slice(0, mostRows);
      save(name, write(kept, format), format);
      const whole = cursor === undefined && kept.length === all.length;
      toast({
        text: whole
          ? `Exported ${count(kept.length)} ${rows}`
          : `Exported the newest ${count(kept.length)} ${rows}. Choose a shorter period for the others.`,
      });
    } catch (error) {
      if (!signal.aborted) toast({ text: `Nothing was exported. ${problem(error).sentence}` });
    } finally {
      setAt(undefined);
    }
  };
  const busy = at !== undefined;
  return (
    <Menu
      label={`Export ${rows}`}
      trigger={
        <>
          {busy ? (
            <span className="spinner" aria-hidden="true" />
          ) : (
            <Download size={16} aria-hidden="true" />
          )}
          <span>{busy ? `Exporting… ${at ? count(at) : ""}` : "Export"}</span>
        </>
      }
      items={[
        { label: "As JSON Lines", onAction: () => void run("jsonl"), unavailable: busy && running },
        {
          label: "As CSV, for a spreadsheet",
          onAction: () => void run("csv"),
          unavailable: busy && running,
        },
      ]}
    />
  );
}
