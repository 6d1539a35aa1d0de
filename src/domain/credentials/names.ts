/** Words that say that a value is a credential, wherever they stand in a name. */
const strong = new Set([
  ..."password passwd passphrase pwd secret secrets token credential credentials creds pat jwt bearer cookie".split(
    " ",
  ),
  ..."apikey appkey authkey accesskey secretkey privatekey clientsecret accesstoken authtoken".split(" "),
]);
/** Written as one word: `PGPASSWORD`, `hftoken`, `clientsecret`. */
const endings = /(?:passwords?|passwd|passphrase|token|secrets?|apikey|accesskey|privatekey|credentials?)$/;
/** Before `key`: what such a key opens. */
const ofKey = new Set([
  ..."api app application access account admin auth client database db encryption license master private service".split(
    " ",
  ),
  ..."session shared signing ssh storage subscription webhook".split(" "),
]);
/** Words that only make a random value suspicious. */
const weak = new Set("key auth authorization access api pass sig signature salt dsn webhook".split(" "));
/** A name that ends in one of these is about a credential: where it is, how long it lives, who gave it. */
const about = new Set([
  ..."name names file path dir directory folder url uri host port endpoint ref id ids type kind length size count".split(
    " ",
  ),
  ..."limit limits max min budget header field prefix suffix expiry ttl seconds minutes hours days policy mode".split(
    " ",
  ),
  ..."enabled disabled required version revision format algorithm provider issuer audience source store class".split(
    " ",
  ),
  ..."model tokenizer usage namespace public".split(" "),
]);
/** Of these even a number or a path is one. */
const password = /(?:passwords?|passwd|passphrase|^pwd)$/;

export type NameSays = "password" | "credential" | "maybe" | "nothing";

/** What a variable's, key's, header's or parameter's name says about its value. */
export function nameSays(name: string): NameSays {
  const words = wordsOf(name);
  const last = words.at(-1);
  if (last === undefined || about.has(last)) return "nothing";
  if (words.some((word) => password.test(word))) return "password";
  // A public key is no secret; `max_tokens` counts, and says so by its plural.
  if (words.includes("public")) return "nothing";
  if (words.some((word) => strong.has(word) || endings.test(word))) return "credential";
  if (words.some((word, index) => word === "key" && ofKey.has(words[index - 1] ?? ""))) return "credential";
  return words.some((word) => weak.has(word)) ? "maybe" : "nothing";
}

/** `AWS_SECRET_ACCESS_KEY`, `aws-secret-key`, `hfToken`, `APIKey`: words in lower case. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter((word) => word !== "");
}
