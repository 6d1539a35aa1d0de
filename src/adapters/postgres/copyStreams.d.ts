/** What is used of pg-copy-streams 7, which comes without types. */
declare module "pg-copy-streams" {
  import type { Readable, Writable } from "node:stream";
  import type { Submittable } from "pg";

  export function to(sql: string): Submittable & Readable & { readonly rowCount: number };
  export function from(sql: string): Submittable & Writable & { readonly rowCount: number };
}
