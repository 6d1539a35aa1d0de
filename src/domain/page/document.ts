import { html, type Markup } from "./markup.ts";

/** A whole page, as text: no script, no network. `style` is CSS of the program's own. */
export function document({
  title,
  style,
  main,
}: {
  readonly title: string;
  readonly style: string;
  readonly main: Markup;
}): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${{ markup: style }}</style>
</head>
<body><main>
${main}
</main></body>
</html>
`;
  return page.markup;
}
