// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a hostile text brings
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** A text whose characters all show: those that browsers drop, or that turn others around, stand as their numbers. */
export function plainText(text: string): string {
  return text
    .toWellFormed()
    .replace(unseen, (letter) => `⟦U+${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟧`);
}
