/** What ends an address in a sentence, a list or a command, and hardly ever stands in a password. */
const quotes = "'\"`";
/** Longer than any token. */
const length = "{1,4096}";

/**
 * User and password of an address, behind its `://`: up to the last @ of the authority, for a password may have one that is not encoded.
 * The second alternative is a password with quotes or spaces that are not encoded either, which a port (`http://h:80, a@b`) and the
 * colon of a sentence (`https://h: no answer for a@b`) are not the beginning of.
 */
const ofAddress = [
  String.raw`[^\s/?#${quotes}]${length}`,
  String.raw`[^\s/?#${quotes}:@[\]]*:(?!\s|\d{1,5}(?:[\s:,;${quotes})\]}]|$))[^/?#\r\n]${length}?(?:@[^\s/?#${quotes}]*)*`,
].join("|");

/**
 * The same for what can be made undone: everything up to the last @ that may be a part of it, and in a line of several addresses sometimes
 * more.
 */
export const userInfoAtMost = new RegExp(String.raw`(?<=:\/\/)[^/?#\r\n]${length}(?=@)`, "g");

/** Every user, with the password where there is one, in a text; a token may be the user alone (`git+https://TOKEN@host`). */
export const userInfo = new RegExp(String.raw`(?<=:\/\/)(?:${ofAddress})(?=@)`, "g");
