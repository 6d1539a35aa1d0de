import { expect, test } from "vitest";
import { maskedText } from "../../../../src/domain/credentials/maskedText.ts";

test.each([
  ["git+https://ada:TOKEN@git.test/a/b.git@main#egg=b", "git+https://***@git.test/a/b.git@main#egg=b"],
  ["git+https://TOKEN@git.test/a", "git+https://***@git.test/a"],
  [
    "Command '['uv', 'install', 'x @ https://u:p@h/x.whl']' failed",
    "Command '['uv', 'install', 'x @ https://***@h/x.whl']' failed",
  ],
  ["https://h/simple?access_token=abc&x=1", "https://h/simple?access_token=***&x=1"],
  ["https://h/a@b and mail ada@h", "https://h/a@b and mail ada@h"],
  ["git+ssh://git@h/a", "git+ssh://***@h/a"],
  ["https://ada:p@ss@h/simple", "https://***@h/simple"],
  ["https://h?mail=ada@h", "https://h?mail=ada@h"],
  ['https://ada:it\'s "so"@h/simple', "https://***@h/simple"],
  ["https://ada:p'a@b@h/x and https://bob:t@k", "https://***@h/x and https://***@k"],
  ["https://ada:a%20b%22@h, bob@x", "https://***@h, bob@x"],
  ["postgres://:p w@h/d", "postgres://***@h/d"],
  ["http://h:8080 and mail ada@h", "http://h:8080 and mail ada@h"],
  ["http://[::1]:80: no answer for ada@h", "http://[::1]:80: no answer for ada@h"],
  ["https://h: no answer for ada@h", "https://h: no answer for ada@h"],
  ['{"url":"https://h:80","mail":"ada@h"}', '{"url":"https://h:80","mail":"ada@h"}'],
  [
    "Pinging http://api/v1/development/7/ping/0123456789abcdef0123 for",
    "Pinging http://api/v1/development/7/ping/*** for",
  ],
])("%s is shown as %s", (text, shown) => {
  expect(maskedText(text)).toBe(shown);
});
