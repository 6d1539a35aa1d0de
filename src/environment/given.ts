/** The same without what is undefined, which the engine would keep as null. */
export function given<T extends object>(inputs: T): { readonly [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(inputs).filter(([, value]) => value !== undefined)) as never;
}
