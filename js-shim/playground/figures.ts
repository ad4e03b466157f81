/** Numbers as people read them. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** `2,314`. */
export function count(value: number): string {
  return whole.format(value);
}

/** `1 text`, `2,314 texts`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** `22.9 MB`, `466 kB`; decimal units, as a download is counted. */
export function bytes(value: number): string {
  return value < 1e6 ? `${count(Math.ceil(value / 1e3))} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

/** `7.2 ms`, `86 ms`, `1.9 s`, `3 min 5 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 9.95) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** `0.54`, `−0.03`: a similarity. */
export function score(value: number): string {
  const rounded = value.toFixed(2);
  return rounded === "-0.00" ? "0.00" : rounded.replace("-", "−");
}
