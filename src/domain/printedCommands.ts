/** Commands that concern no environment. */
const ofNone = /^`(npx )?menagerie (preview-summary|promote|destroy|truss) /;

/**
 * A text whose commands of `menagerie`, in backticks, are for an environment: each gets ` -e NAME`, unless it has one, is about a stack,
 * or the environment is the default one. Whoever words a sentence does not know for which environment it will be printed.
 */
export function inEnvironment(text: string, environment: string | undefined): string {
  if (environment === undefined || environment === "" || environment === "local") return text;
  return text.replaceAll(/`(?:npx )?menagerie [a-z][^`]*`/g, (command) => {
    if (ofNone.test(command.replace(/`$/, " ")) || / (-e|-s|--environment|--stack)\b/.test(command)) return command;
    const [own = "", engine] = command.slice(0, -1).split(/(?= -- )/);
    return `${own} -e ${environment}${engine ?? ""}\``;
  });
}
