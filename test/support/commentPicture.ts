/** A pull request's comment as a picture for the docs: an SVG of the Markdown that our comments use. */

const [width, margin, lineHeight] = [860, 24, 24];
const escaped = (text: string): string => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
/** What Markdown escapes, and entities that comments hold. */
const plain = (text: string): string =>
  text
    .replace(/\\([\\`*_|[\]])/g, "$1")
    .replaceAll("&lt;", "<")
    .replaceAll("&#64;", "@")
    .replaceAll("&amp;", "&");

export function commentPicture(markdown: string): string {
  const parts: string[] = [];
  let y = margin + 8;
  let table = 0;
  for (const line of markdown.split("\n")) {
    if (/^(<!--|\|[-| ]+$|\s*$)/.test(line)) {
      if (line.trim() === "") y += 8;
      continue;
    }
    const heading = /^(#+) (.*)/.exec(line);
    const item = /^( *)- (.*)/.exec(line);
    if (line.startsWith("|")) {
      const cells = line.slice(1, -1).split("|");
      if (table === 0) parts.push(rule(y - 16));
      for (const [index, cell] of cells.entries()) parts.push(text(margin + 8 + index * 190, y, cell.trim(), 14));
      table += 1;
      parts.push(rule(y + 8));
    } else {
      table = 0;
      if (heading) {
        const size = (heading[1] ?? "").length === 2 ? 20 : 16;
        y += 10;
        parts.push(`<g font-weight="600">${text(margin, y, heading[2] ?? "", size)}</g>`);
        if (size === 20) parts.push(rule(y + 10));
        y += 8;
      } else if (item) {
        const x = margin + 16 + (item[1] ?? "").length * 10;
        parts.push(`<circle cx="${x - 9}" cy="${y - 5}" r="2.5"/>`);
        for (const [index, wrapped] of wrap(item[2] ?? "").entries())
          parts.push(text(x, y + index * lineHeight, wrapped, 14));
        y += (wrap(item[2] ?? "").length - 1) * lineHeight;
      } else {
        for (const [index, wrapped] of wrap(line).entries())
          parts.push(text(margin, y + index * lineHeight, wrapped, 14));
        y += (wrap(line).length - 1) * lineHeight;
      }
    }
    y += lineHeight;
  }
  const height = y + margin - 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" fill="#1f2328">
<title>A pull request's comment</title>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8" fill="#fff" stroke="#d1d9e0"/>
${parts.join("\n")}
</svg>
`;
}

function rule(y: number): string {
  return `<path d="M${margin} ${y}H${width - margin}" stroke="#d1d9e0"/>`;
}

/** About so many letters fit into a line. */
function wrap(line: string): string[] {
  const lines: string[] = [""];
  for (const word of line.split(" ")) {
    const last = lines.at(-1) ?? "";
    if (last.length + word.length > 108) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}

function text(x: number, y: number, line: string, size: number): string {
  const spans = line.split(/(`[^`]*`|\*\*[^*]*\*\*)/).map((part) => {
    if (part.startsWith("`"))
      return `<tspan font-family="ui-monospace, monospace" font-size="${size - 1.5}" fill="#59636e">${escaped(part.slice(1, -1))}</tspan>`;
    if (part.startsWith("**")) return `<tspan font-weight="600">${escaped(plain(part.slice(2, -2)))}</tspan>`;
    return escaped(plain(part));
  });
  return `<text x="${x}" y="${y}" font-size="${size}" xml:space="preserve">${spans.join("")}</text>`;
}
