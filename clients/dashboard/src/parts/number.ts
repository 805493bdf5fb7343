/** Writes a number with commas, such as "12,345". */
export function count(n: number | bigint): string {
  return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Writes a large number short for an axis, such as "12k" or "1.5M". */
export function short(n: number): string {
  if (n >= 1e9) return `${trim(n / 1e9)}B`;
  if (n >= 1e6) return `${trim(n / 1e6)}M`;
  if (n >= 1e3) return `${trim(n / 1e3)}k`;
  return trim(n);
}

/** Writes a share of a whole, such as "97.8 %"; a little of it is never "0 %" and never "100 %". */
export function percent(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return "0 %";
  const share = (part / whole) * 100;
  if (share < 0.1) return "< 0.1 %";
  if (part < whole && share > 99.9) return "> 99.9 %";
  return `${trim(share)} %`;
}

/** Writes a number of things, such as "1 key" or "9 keys". */
export function plural(n: number | bigint, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 || n === 1n ? one : many}`;
}

function trim(n: number): string {
  return n.toFixed(1).replace(/\.0$/, "");
}
