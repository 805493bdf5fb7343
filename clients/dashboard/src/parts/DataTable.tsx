import { ArrowDown, ArrowUp, ChevronsUpDown } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "./Button";
import { ErrorNote } from "./ErrorNote";
import { useNarrow } from "./media";
import { Skeleton } from "./Skeleton";

export interface Column<T> {
  /** What the sort order knows it by. */
  key: string;
  header: string;
  /** What stands in the cell; Lines for two lines. */
  cell: (row: T) => ReactNode;
  /** Its width, such as "34%"; the others share the rest. */
  width?: string;
  /** Numbers stand at the right. */
  number?: boolean;
  /** The rows can be sorted by it. */
  sortable?: boolean;
  /** Left out below 72 rem. */
  wide?: boolean;
  /** Where it stands on a phone: the first is the title and the rest are lines. "labelled" is a line with its header. */
  phone?: "title" | "aside" | "line" | "labelled" | "none";
}

/** By which column rows are sorted, and which way. */
export interface Sort {
  key: string;
  descending: boolean;
}

export interface DataTableProps<T> {
  /** What the rows are, read aloud: "API keys". */
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  /** The menu at the end of a row. */
  actions?: ((row: T) => ReactNode) | undefined;
  sort?: Sort | undefined;
  onSort?: ((sort: Sort) => void) | undefined;
  /** The first rows are on their way: as many rows of grey lines. */
  loading?: boolean | undefined;
  /** What the first rows failed with, or the next ones. */
  error?: unknown;
  onRetry?: (() => void) | undefined;
  /** What stands there without a row: an Empty. */
  empty?: ReactNode;
  /** There are more rows. */
  more?: boolean | undefined;
  /** They are on their way. */
  loadingMore?: boolean | undefined;
  onMore?: (() => void) | undefined;
  /** Rows of one line, 44 px instead of 64. */
  dense?: boolean | undefined;
}

const placeholders = [0, 1, 2, 3, 4, 5];

/** Rows: a table where there is room, and a list on a phone. */
export function DataTable<T>(props: DataTableProps<T>) {
  const narrow = useNarrow();
  const { rows, loading, error, onRetry, empty, more, loadingMore, onMore } = props;
  if (error && rows.length === 0) {
    return (
      <div className="table-box">
        <ErrorNote error={error} onRetry={onRetry} page />
      </div>
    );
  }
  if (!loading && rows.length === 0) return <div className="table-box">{empty}</div>;
  return (
    <div className="table-box" aria-busy={loading || undefined}>
      {loading && (
        <span className="sr" role="status">
          Loading {props.label}
        </span>
      )}
      {narrow ? <PhoneList {...props} /> : <WideTable {...props} />}
      {error ? <ErrorNote error={error} onRetry={onRetry} /> : null}
      {more && !error && (
        <div className="table-end">
          <Button busy={loadingMore && "Loading…"} onClick={onMore}>
            Show more
          </Button>
        </div>
      )}
    </div>
  );
}

function WideTable<T>(props: DataTableProps<T>) {
  const { label, columns, rows, rowKey, actions, loading, dense } = props;
  return (
    <table className={dense ? "table table-dense" : "table"}>
      <caption className="sr">{label}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <Head key={column.key} column={column} {...props} />
          ))}
          {actions && (
            <th className="table-actions" scope="col">
              <span className="sr">Actions</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {loading
          ? placeholders.map((n) => <Waiting key={n} {...props} />)
          : rows.map((row) => (
              <tr key={rowKey(row)}>
                {columns.map((column) => (
                  <td key={column.key} className={look(column)}>
                    {column.cell(row)}
                  </td>
                ))}
                {actions && <td className="table-actions">{actions(row)}</td>}
              </tr>
            ))}
      </tbody>
    </table>
  );
}

function Head<T>({ column, sort, onSort }: DataTableProps<T> & { column: Column<T> }) {
  const on = sort?.key === column.key;
  const order = sort?.descending ? "descending" : "ascending";
  const Icon = on ? (sort?.descending ? ArrowDown : ArrowUp) : ChevronsUpDown;
  return (
    <th
      scope="col"
      className={look(column)}
      style={column.width ? { inlineSize: column.width } : undefined}
      aria-sort={on ? order : undefined}
    >
      {column.sortable && onSort ? (
        <button
          type="button"
          className="sort"
          onClick={() => onSort({ key: column.key, descending: on && !sort?.descending })}
        >
          {column.header}
          <Icon size={14} aria-hidden="true" />
        </button>
      ) : (
        column.header
      )}
    </th>
  );
}

function Waiting<T>({ columns, actions, dense }: DataTableProps<T>) {
  return (
    <tr>
      {columns.map((column, n) => (
        <td key={column.key} className={look(column)}>
          <Skeleton lines={dense || n > 0 ? 1 : 2} width={n === 0 ? "70%" : "50%"} />
        </td>
      ))}
      {actions && <td className="table-actions" />}
    </tr>
  );
}

function PhoneList<T>({ label, columns, rows, rowKey, actions, loading }: DataTableProps<T>) {
  const place = (column: Column<T>) => column.phone ?? (column === columns[0] ? "title" : "line");
  const at = (name: string) => columns.filter((column) => place(column) === name);
  const lines = columns.filter((column) => ["line", "labelled"].includes(place(column)));
  if (loading) {
    return (
      <ul className="phone-list">
        {placeholders.map((n) => (
          <li key={n} className="phone-row">
            <Skeleton lines={3} width="60%" />
          </li>
        ))}
      </ul>
    );
  }
  return (
    <ul className="phone-list" aria-label={label}>
      {rows.map((row) => (
        <li key={rowKey(row)} className="phone-row">
          <div className="phone-head">
            <div className="phone-title">
              {at("title").map((c) => (
                <div key={c.key}>{c.cell(row)}</div>
              ))}
            </div>
            <div className="phone-aside">
              {at("aside").map((c) => (
                <div key={c.key}>{c.cell(row)}</div>
              ))}
            </div>
            {actions && <div className="phone-actions">{actions(row)}</div>}
          </div>
          {lines.map((column) => (
            <div key={column.key} className="phone-line">
              <span className={place(column) === "labelled" ? "quiet" : "sr"}>{column.header}</span>
              {column.cell(row)}
            </div>
          ))}
        </li>
      ))}
    </ul>
  );
}

function look<T>(column: Column<T>): string | undefined {
  return (
    [column.number && "cell-number", column.wide && "cell-wide"].filter(Boolean).join(" ") ||
    undefined
  );
}
