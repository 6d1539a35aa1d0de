/** Path that a link's code begins a session by. */
export const enterPath = "/enter";

/** The link that opens a console once, such as `http://127.0.0.1:18082/enter?code=…`. */
export function enterLink(address: string, code: string): string {
  return new URL(`${enterPath}?${new URLSearchParams({ code })}`, address).href;
}
