import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";

/** What an export is written as. */
export type Format = "jsonl" | "csv";

/** Writes messages with the names that the REST API has, one a line. */
export function write<D extends DescMessage>(
  schema: D,
  items: readonly MessageShape<D>[],
  format: Format,
): string {
  const rows = items.map(
    (item) => toJson(schema, item, { useProtoFieldName: true, alwaysEmitImplicit: true }) as object,
  );
  if (format === "jsonl") return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const names = schema.fields.map((field) => field.name);
  const lines = rows.map((row) => names.map((name) => cell(Object(row)[name])));
  return [names, ...lines].map((line) => `${line.join(",")}\r\n`).join("");
}

/** A cell of CSV. A text that a spreadsheet would take for a formula gets an apostrophe before it. */
function cell(value: unknown): string {
  const text = String(value ?? "");
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Hands a file to the browser to be saved. */
export function save(name: string, text: string, format: Format): void {
  const type = format === "csv" ? "text/csv" : "application/jsonl";
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.${format}`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
