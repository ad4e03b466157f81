/** The part of workerd's own module that is used here; it is no part of the web's types. */
declare module "cloudflare:workers" {
  /** The Worker's variables and bindings. */
  export const env: Readonly<Record<string, unknown>>;
  /** Keep the present request's context until `work` has ended, even if its client leaves. */
  export function waitUntil(work: Promise<unknown>): void;
}
